"""Reloads under load: no request fails, nothing leaks. Also run against the TSan and the ASan binary."""
import http.client
import json
import os
import signal
import tempfile
import threading
import time

from check import equal, main, test
from live import chat, fake, serving, wait_until

CLIENTS, RELOADS = int(os.environ.get("CLIENTS", "50")), int(os.environ.get("RELOADS", "30"))


@test
def the_end_does_not_wait_for_a_reload():
    d = tempfile.mkdtemp()
    rules, config = os.path.join(d, "rules"), os.path.join(d, "logclass.conf")
    os.mkfifo(rules)
    held = os.open(rules, os.O_RDWR)  # nobody writes into it, and while it is open the reload waits for its end
    open(config, "w").close()
    with serving("--config", config, "--bert", "off") as s:
        with open(config, "w") as f:
            f.write(f"rules = {rules}\n")
        s.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        begun = time.monotonic()
        s.process.send_signal(signal.SIGTERM)
        equal(s.process.wait(10), 0)
        assert time.monotonic() - begun < 8
    os.close(held)


@test
def reloads_under_load_fail_no_request():
    path = os.path.join(tempfile.mkdtemp(), "logclass.conf")

    def save(n):
        with open(path, "w") as f:
            f.write(f"entries-max = {1000 + n}\nllm-calls-max = {4 + n % 2}\nllm-store = none\nlog-level = warn\n")
    with fake(chat("WORKFLOW_ERROR")) as llm:
        save(0)
        options = ["--bert", "off", "--llm-url", llm.url("/v1"), "--llm-model", "m", "--loops", "2", "--log-level", "info"]
        with serving("--config", path, *options) as s:
            threads, fds = s.value("process_threads"), s.value("process_open_fds")
            stop, failures, answered = threading.Event(), [], [0]

            def client(k):
                c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=120)
                for i in range(1000000):
                    if stop.is_set():
                        break
                    word = "".join(chr(ord("a") + (k * 31 + i * 7 + j * 3) % 26) for j in range(4))
                    entries = [{"log_message": "User a logged in"}, {"log_message": f"word {word}"}]
                    try:
                        c.request("POST", "/classify", json.dumps(entries))
                        r = c.getresponse()
                        labels = [a["label_id"] for a in json.loads(r.read())]
                    except (OSError, http.client.HTTPException, ValueError) as e:
                        failures.append((k, i, repr(e)))
                        break
                    if (r.status, labels) != (200, ["USER_ACTION", "WORKFLOW_ERROR"]):
                        failures.append((k, i, r.status, labels))
                        break
                    answered[0] += 1
                c.close()
            crowd = [threading.Thread(target=client, args=(k,)) for k in range(CLIENTS)]
            for t in crowd:
                t.start()
            for n in range(RELOADS):
                save(n + 1)
                before = answered[0]
                s.hup()
                wait_until(lambda: answered[0] > before + 5 or failures, 120)
            stop.set()
            for t in crowd:
                t.join()
            equal(failures, [])
            equal(s.value('logclass_reloads_total{result="success"}'), RELOADS)
            wait_until(lambda: s.value("process_threads") == threads, 60)  # the old LLM lanes are gone
            # a kept-alive connection to the LLM may be open or not, and the scrape's own is
            wait_until(lambda: abs(s.value("process_open_fds") - fds) <= 8, 60)


@test
def a_storm_of_signals_is_answered_by_few_reloads():
    with serving("--bert", "off") as s:
        for _ in range(100):
            s.process.send_signal(signal.SIGHUP)
            equal(s.lines("User a logged in")[0]["source"], "regex")
        wait_until(lambda: s.value('logclass_reloads_total{result="success"}') >= 1)
        time.sleep(0.1)
        equal(s.value('logclass_reloads_total{result="failure"}'), 0)


main()
