"""The bill of materials before SPDX's own reader (spdx-tools): it finds nothing to say."""
import pathlib
import subprocess
import tempfile

from debs import ROOT, output

from check import BINARY, equal, main, test


@test
def spdx_tools_finds_it_valid():
    python = pathlib.Path(output(ROOT / "tests/peers/build", "spdx").strip()) / "env/bin/pyspdxtools"
    with tempfile.TemporaryDirectory() as d:
        bill = pathlib.Path(d, "logclass.spdx.json")
        bill.write_text(output(ROOT / "scripts/make-sbom", BINARY))
        r = subprocess.run([python, "-i", bill, "--version", "SPDX-2.3"], capture_output=True, text=True)
        equal((r.returncode, r.stdout + r.stderr), (0, ""))
        bill.write_text(bill.read_text().replace('"SHA256"', '"SHA257"'))
        assert subprocess.run([python, "-i", bill], capture_output=True).returncode != 0


main()
