"""The Helm chart: helm lints and renders it with several values, kubeconform holds what came out against the API of Kubernetes
and the ServiceMonitor's definition, strictly, and the program itself checks the configuration that its pods would read."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from check import BINARY, equal, main, test  # noqa: E402

CHART = ROOT / "deploy/helm/logclass"
TOKENS = ["--set", "tokensSecret=t", "--set", "llmKeySecret=k", "--set", "options.llm-url=https://llm:8081/v1"]
VARIANTS = {
    "as it is": [],
    "kafka": ["-f", CHART / "kafka-values.yaml"],
    "all": [*TOKENS, "--set", "serviceMonitor.enabled=true,autoscaling.enabled=true,state.storageClass=fast,podAnnotations.a=b",
            "--set", "serviceMonitor.labels.release=p,nodeSelector.disk=ssd,imagePullSecrets[0].name=s,options.memo-entries=1048576",
            "--set", "tolerations[0].key=k,tolerations[0].operator=Exists,options.ui=view,options.access-log=true",
            "--set-file", f"files.rules\\.conf={ROOT / 'data/rules.conf'}"],
    "bare": ["--set", "state.enabled=false,networkPolicy.enabled=false,podDisruptionBudget.enabled=false,service.type=NodePort"],
}


def peer(name):
    return pathlib.Path(subprocess.run([ROOT / "tests/peers/build", name], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


HELM, CONFORM, SCHEMAS = peer("helm") / "helm", peer("kubeconform") / "kubeconform", peer("k8s-schemas")


def run(*command, **more):
    r = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    assert r.returncode == 0, f"{command}: {r.stdout}{r.stderr}"
    return r.stdout


def rendered(values):
    return run(HELM, "template", "labels", CHART, "--namespace", "logs", *values)


def refused(*values):
    r = subprocess.run([str(HELM), "template", "x", str(CHART), *map(str, values)], capture_output=True, text=True)
    assert r.returncode != 0, r.stdout[:500]
    return r.stderr


def objects(text):
    """kind → objects, by the reader of YAML that helm itself has: each document goes through `fromYaml | toJson` of a small chart."""
    with tempfile.TemporaryDirectory() as d:
        os.makedirs(f"{d}/templates")
        pathlib.Path(d, "Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 1.0.0\n")
        pathlib.Path(d, "all.yaml").write_text(text)
        pathlib.Path(d, "templates/x.yaml").write_text(
            '{{ range splitList "\\n---\\n" (.Files.Get "all.yaml") }}{{ with fromYaml . }}\n# JSON {{ toJson . }}\n{{ end }}{{ end }}')
        found = {}
        for line in run(HELM, "template", "x", d).splitlines():
            if line.startswith("# JSON "):
                o = json.loads(line[7:])
                found.setdefault(o["kind"], []).append(o)
        return found


@test
def helm_lints_it_with_all_values():
    for name, values in VARIANTS.items():
        said = run(HELM, "lint", "--strict", CHART, *values)
        assert "0 chart(s) failed" in said and "[WARNING]" not in said, f"{name}: {said}"


@test
def kubeconform_knows_every_object_strictly():
    where = f"{SCHEMAS}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    kinds = set()
    for name, values in VARIANTS.items():
        said = json.loads(run(CONFORM, "-strict", "-summary", "-output", "json", "-verbose", "-schema-location", where, input=rendered(values)))
        equal((name, said["summary"]["invalid"], said["summary"]["errors"], said["summary"]["skipped"]), (name, 0, 0, 0))
        assert said["summary"]["valid"] > 3, said
        kinds |= {r["kind"] for r in said["resources"]}
    equal(kinds, {"ConfigMap", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceMonitor", "StatefulSet"})


@test
def kubeconform_would_have_refused_a_slip():
    where = f"{SCHEMAS}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    for right, wrong in (("maxUnavailable: 1", "maxUnavailble: 1"), ("readinessProbe:", "readynessProbe:"), ("fsGroup: 10001", "fsGroup: group")):
        text = rendered([])
        assert right in text
        r = subprocess.run([CONFORM, "-strict", "-schema-location", where], input=text.replace(right, wrong), capture_output=True, text=True)
        assert r.returncode != 0, wrong


@test
def the_program_takes_the_configuration_of_the_pods():
    for name, values in VARIANTS.items():
        conf = objects(rendered(values))["ConfigMap"][0]["data"]["logclass.conf"]
        with tempfile.TemporaryDirectory() as d:
            for inside, text in (("/etc/logclass-tokens/tokens", "view:prometheus:0123456789abcdef\n"), ("/etc/logclass-llm/key", "k\n")):
                pathlib.Path(d, inside[1:]).parent.mkdir(parents=True)
                pathlib.Path(d, inside[1:]).write_text(text)
                os.chmod(f"{d}{inside}", 0o440)
                conf = conf.replace(inside, d + inside)
            pathlib.Path(d, "logclass.conf").write_text(conf)
            r = subprocess.run([BINARY, "config", "check", "--config", f"{d}/logclass.conf"], capture_output=True, text=True,
                               env={"PATH": os.environ["PATH"], "STATE_DIRECTORY": d})
        equal((name, r.returncode, r.stderr), (name, 0, ""))


@test
def pods_are_closed_and_probed():
    pod = objects(rendered(VARIANTS["kafka"]))["StatefulSet"][0]["spec"]["template"]["spec"]
    box = pod["containers"][0]
    equal(box["args"], ["run", "--config", "/etc/logclass/logclass.conf"])
    equal((box["livenessProbe"]["httpGet"]["path"], box["readinessProbe"]["httpGet"]["path"]), ("/livez", "/readyz"))
    equal((pod["automountServiceAccountToken"], pod["securityContext"]["runAsNonRoot"]), (False, True))
    equal(box["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
    # Kubernetes would set LOGCLASS_PORT=tcp://… for a release of this name, and the program would take it for its option.
    equal(pod["enableServiceLinks"], False)
    r = subprocess.run([BINARY, "config", "check"], capture_output=True, text=True, env={"LOGCLASS_PORT": "tcp://10.0.0.1:8080"})
    assert r.returncode != 0, "LOGCLASS_PORT is no option any more: enableServiceLinks need not be off"


@test
def what_is_configured_starts_anew_when_it_changes():
    def sums(*values):
        return objects(rendered(values))["StatefulSet"][0]["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    assert len({sums(), sums("--set", "options.workers=2"), sums("--set", "files.a=b")}) == 3


@test
def values_that_can_not_be_are_refused():
    assert "mode" in refused("--set", "mode=server")
    assert "sections" in refused("--set", "mode=run")
    assert "replica" in refused("--set", "replica=3")
    assert "options" in refused("--set", "options.port=80")


main()
