"""Two builds of the packages, in other folders, under another umask, time zone, locale, home and number of jobs, have the same bytes:
the program, its debug symbols (which name the sources) and all else."""
import hashlib
import os
import shutil
import subprocess
import tempfile

from debs import ROOT, WHERE, make_debs, today

from check import equal, main, test


def sums(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.deb"))}


@test
def another_place_and_another_time_zone_give_the_same_bytes():
    first, second = today(), WHERE / "debs-again"
    shutil.rmtree(second, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="quite-another-folder-with-a-longer-name-") as d:
        mask = os.umask(0o077)
        try:
            make_debs(ROOT, second, TMPDIR=d, TZ="Pacific/Auckland", LC_ALL="C", LANG="C", HOME=d, DEB_BUILD_OPTIONS="parallel=2")
        finally:
            os.umask(mask)
    a, b = sums(first), sums(second)
    assert {n.split("_")[0] for n in a} >= {"logclass", "logclass-dbgsym", "logclass-model", "liblogclass0"}, a
    equal(a, b)


@test
def the_program_does_not_name_the_folder_it_was_built_in():
    for deb in today().glob("logclass_*.deb"):
        whole = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, stdout=subprocess.PIPE).stdout
        assert len(whole) > 1000000, len(whole)
        for word in (b"/tmp/tmp.", str(ROOT).encode()):  # where scripts/make-deb builds; where the tree is
            assert word not in whole, whole[whole.find(word):][:80]


main()
