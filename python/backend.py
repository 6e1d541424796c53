"""Builds the wheel (PEP 517) with nothing but a C compiler and what `make` needs: liblogclass.so, the module over it, and the shipped
rules, heads, adapter and model, so that it works from anywhere. `pip wheel ./python` or `pip install ./python`, from a checkout.
"""
import base64
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sysconfig
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build/release"
VERSION = (ROOT / "VERSION").read_text().strip()
TAG = "cp311-abi3-linux_" + os.uname().machine
INFO = f"logclass-{VERSION}.dist-info"
MODEL = ROOT / "models/all-MiniLM-L6-v2"
DATA = ("rules.conf", "head.json", "head-ops.json", "adapter.safetensors")


def run(*command):
    subprocess.run(command, cwd=ROOT, check=True, env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})


def compile_module(soname):
    """The module finds the library beside itself."""
    module = BUILD / "python/_native.abi3.so"
    module.parent.mkdir(exist_ok=True)
    include = sysconfig.get_paths()["include"]
    run(*shlex.split(os.environ.get("CC", "cc")), "-shared", "-fPIC", "-O2", "-g", "-std=c17", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-isystem", include,
        "-I", ROOT / "src/lib", HERE / "native.c", "-o", module, "-L", BUILD, f"-l:{soname}", "-Wl,-rpath,$ORIGIN,-z,relro,-z,now")
    return module


def metadata():
    about = re.search(r'^description = "(.*)"$', (HERE / "pyproject.toml").read_text(), flags=re.M).group(1)
    return f"Metadata-Version: 2.1\nName: logclass\nVersion: {VERSION}\nSummary: {about}\nLicense: MIT\nRequires-Python: >=3.11\n"


def contents():
    """(name in the wheel, bytes) of every file but RECORD."""
    soname = "liblogclass.so." + VERSION.split(".")[0]
    run("make", "-s", f"-j{os.cpu_count()}", f"build/release/liblogclass.so.{VERSION}", "model")
    yield "logclass/_native.abi3.so", compile_module(soname).read_bytes()
    yield f"logclass/{soname}", (BUILD / soname).read_bytes()
    for p in sorted((HERE / "logclass").iterdir()):
        if p.is_file():
            yield f"logclass/{p.name}", p.read_bytes()
    for name in DATA:
        yield f"logclass/data/{name}", (ROOT / "data" / name).read_bytes()
    for p in sorted(MODEL.rglob("*")):
        if p.is_file() and not p.name.startswith("packed-"):  # those are made for the machine that they run on
            yield f"logclass/data/model/{p.relative_to(MODEL)}", p.read_bytes()
    yield f"{INFO}/METADATA", metadata().encode()
    yield f"{INFO}/WHEEL", f"Wheel-Version: 1.0\nGenerator: logclass\nRoot-Is-Purelib: false\nTag: {TAG}\n".encode()
    yield f"{INFO}/LICENSE", (ROOT / "LICENSE").read_bytes()


def add(wheel, name, data):
    """The same bytes from the same tree: no time, no owner."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.external_attr = 0o100644 << 16
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED  # weights do not shrink
    wheel.writestr(info, data)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, record = f"logclass-{VERSION}-{TAG}.whl", []
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as wheel:
        for path, data in contents():
            add(wheel, path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(data)}\n")
        add(wheel, f"{INFO}/RECORD", ("".join(record) + f"{INFO}/RECORD,,\n").encode())
    return name


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("the wheel is built from a checkout of logclass: pip wheel ./python")
