"""The bill of materials of the binary: it names what the loader loads and what was fetched, with the right hashes."""
import hashlib
import json
import pathlib
import re
import subprocess

from check import BINARY, equal, main, test

ROOT = pathlib.Path(__file__).resolve().parents[2]


def bill(**env):
    r = subprocess.run([ROOT / "scripts/make-sbom", BINARY], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **env} if env else None)
    equal((r.returncode, r.stderr), (0, ""))
    return json.loads(r.stdout)


BILL = bill(SOURCE_DATE_EPOCH="1700000000")
PACKAGES = {p["name"]: p for p in BILL["packages"]}


def related(kind):
    names = {p["SPDXID"]: p["name"] for p in BILL["packages"]}
    return {names.get(r["relatedSpdxElement"]) for r in BILL["relationships"] if r["relationshipType"] == kind}


@test
def it_is_spdx_and_each_id_is_there_once():
    equal((BILL["spdxVersion"], BILL["creationInfo"]["created"]), ("SPDX-2.3", "2023-11-14T22:13:20Z"))
    ids = [x["SPDXID"] for x in [BILL, *BILL["packages"], *BILL["files"]]]
    equal(len(ids), len(set(ids)))
    for r in BILL["relationships"]:
        assert r["spdxElementId"] in ids and r["relatedSpdxElement"] in ids, r


@test
def it_names_each_library_that_the_binary_asks_for():
    asked = subprocess.run(["objdump", "-p", BINARY], capture_output=True, text=True, check=True).stdout
    sonames, links = re.findall(r"NEEDED\s+(\S+)", asked), related("DYNAMIC_LINK")
    assert len(sonames) > 8, sonames
    lists = subprocess.run(["dpkg-query", "--search", *(f"*/{s}" for s in sonames)], capture_output=True, text=True).stdout
    for soname in sonames:
        owners = set(re.findall(rf"^([^:\s]+)(?::\S+)?: \S*/{re.escape(soname)}$", lists, re.M))
        assert owners & links, (soname, owners)
    assert {"libhyperscan5", "libcurl4", "librdkafka1", "libsqlite3-0"} <= links, links
    assert "libssl3" in related("DEPENDS_ON")
    installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libcurl4"], capture_output=True, text=True).stdout
    equal(PACKAGES["libcurl4"]["versionInfo"], installed)


@test
def it_has_what_is_compiled_in_and_the_model_with_their_hashes():
    equal(related("STATIC_LINK"), {"yyjson", "llhttp"})
    equal(PACKAGES["logclass"]["versionInfo"], (ROOT / "VERSION").read_text().strip())
    pins = subprocess.run([ROOT / "scripts/fetch", "pins"], capture_output=True, text=True, check=True).stdout
    for name in ("yyjson", "llhttp", "all-MiniLM-L6-v2"):
        assert f" {PACKAGES[name]['checksums'][0]['checksumValue']} " in pins, name
    files = {f["fileName"]: f["checksums"][1]["checksumValue"] for f in BILL["files"]}
    equal(files["./bin/logclass"], hashlib.sha256(pathlib.Path(BINARY).read_bytes()).hexdigest())
    equal(files["./data/head.json"], hashlib.sha256((ROOT / "data/head.json").read_bytes()).hexdigest())
    assert {"./build/deps/llhttp.c", "./models/all-MiniLM-L6-v2/model.safetensors"} <= set(files)


@test
def the_same_inputs_give_the_same_bytes():
    equal(bill(SOURCE_DATE_EPOCH="1700000000", LC_ALL="C.UTF-8"), BILL)
    other = bill(SOURCE_DATE_EPOCH="1700000001")
    equal(other["documentNamespace"], BILL["documentNamespace"])


main()
