"""logclass beside the real rsyslog: as a step inside it (mmexternal), and as its receiver."""
import json
import os
import shutil
import signal
import subprocess

from check import BINARY, equal, main, test
from stream import FAST, line, place, wait_until

assert shutil.which("/usr/sbin/rsyslogd"), "rsyslog is missing: scripts/install-debian --dev"


def rsyslog(p, text):
    conf = os.path.join(p.root, "rsyslog.conf")
    with open(conf, "w") as f:
        f.write(f'global(workDirectory="{p.root}")\n' + text)
    q = subprocess.Popen(["/usr/sbin/rsyslogd", "-n", "-f", conf, "-i", os.path.join(p.root, "pid")],
                         stderr=open(os.path.join(p.root, "rsyslog.err"), "wb"))
    p.processes.append(q)
    return q


@test
def a_step_inside_rsyslog():
    with place() as p:
        script = os.path.join(p.root, "step")
        with open(script, "w") as f:
            f.write(f"#!/bin/sh\nexec {BINARY} classify --bert off --llm-url off --no-summary --format jsonl --output mmexternal\n")
        os.chmod(script, 0o755)
        p.write("User bob logged in.\nnothing to see\n" + "".join(line(i) for i in range(500)))
        q = rsyslog(p, f'''
module(load="imfile")
module(load="mmexternal")
template(name="t" type="string" string="%$!logclass!label% %$!logclass!confidence% %$!logclass!stage% %msg%\\n")
input(type="imfile" File="{p.log()}" Tag="app" ruleset="r" freshStartTail="off")
ruleset(name="r") {{
    action(type="mmexternal" binary="{script}" interface.input="fulljson")
    action(type="omfile" file="{p.out}" template="t")
}}
''')
        p.wait_ids(range(500))
        out = p.text().decode().splitlines()
        equal(out[:2], ["USER_ACTION 0.95 regex User bob logged in.", "UNCLASSIFIED 0 fallback nothing to see"])
        equal((len(out), p.twice()), (502, 0))
        p.stop(q)


main()
