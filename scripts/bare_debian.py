"""A bare Debian 12 in a folder, for scripts that try what people would do on one: debootstrap makes it, chroot runs in it.

It copies what this machine trusts (certificate authorities, pip's configuration, names) into it, as somebody behind a
company's proxy would have to.
"""
import os
import shutil
import subprocess


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, **more)


class Bare:
    def __init__(self, folder, include=()):
        self.root, self.cwd, self.user, self.env = folder, "/", None, {}
        more = [f"--include={','.join(include)}"] if include else []
        run("debootstrap", "--variant=minbase", *more, "bookworm", folder, stdout=subprocess.DEVNULL)
        self.trust_what_the_host_trusts()

    def path(self, inside):
        return self.root / (inside if inside.startswith("/") else f"{self.cwd}/{inside}").lstrip("/")

    def chroot(self, *command):
        """The command that runs `command` inside, as the user that was set."""
        who = ["--userspec", self.user] if self.user else []
        env = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
               *(f"{k}={v}" for k, v in self.env.items())]
        return ["chroot", *who, str(self.root), *env, *map(str, command)]

    def trust_what_the_host_trusts(self):
        for path in ("/usr/local/share/ca-certificates", "/etc/ssl/certs"):
            shutil.copytree(path, self.path(path), symlinks=True, dirs_exist_ok=True)
        for path in ("/etc/pip.conf", "/etc/resolv.conf", "/etc/hosts"):
            if os.path.exists(path):
                shutil.copy(path, self.path(path))

    def mount_proc(self):
        run("mount", "-t", "proc", "proc", self.path("/proc"))  # the program finds its files beside /proc/self/exe

    def umount_proc(self):
        run("umount", self.path("/proc"))
