"""A script for a bare interpreter: a program in namespaces of its own, without rights, network, files and future.

It leaves for an own process tree (its first process is this script, which no other in it can harm; all end with it),
network, mounts and IPC; its root is an empty file system in memory with a read-only view of the interpreter.
"""

import contextlib
import ctypes
import json
import os
import resource
import secrets
import signal
import sys
import time

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PROCESSES, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
NO_SETUID, NO_DEVICES, BIND, RECURSIVE, PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000  # flags of mount(2)
MOUNT_SETATTR, HERE, RECURSIVELY, READ_ONLY = 442, -100, 0x8000, 0x1
DEATH_SIGNAL, DUMPABLE, NO_NEW_RIGHTS = 1, 4, 38  # of prctl(2)
PASSING_USERS = range(61184, 65520)  # systemd's numbers for them: two runs do not count as one user's processes
ROOT = "/sys"  # a folder that every Linux has and no interpreter lives in; covered in the new name space only
WORK = "/work"
REPORT = 3  # where the program's end is reported; no file that a program opens by itself has this number

# In a function, for what stands in modules is easily found. The answer's own exit, early or not, reports nothing.
RUNNER = """
def run():
    import json, os, sys, types
    write, leave = os.write, os._exit
    with open(0, "rb") as file:
        order = json.load(file)
    os.open(os.devnull, os.O_RDWR)
    module = sys.modules["answer"] = types.ModuleType("answer")
    program = compile(order.pop("program"), "answer", "exec")
    write(3, order["compiled"].encode())
    exec(program, module.__dict__)
    exec(compile(order["tests"], "tests", "exec"), module.__dict__)
    write(3, order["passed"].encode())
    leave(0)
run()
"""

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A function of the C library; OSError with its name where it fails."""
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def leave_the_machine():
    """Other name spaces from here on, the processes' for children; a user who is not root becomes one of his own."""
    user, group = os.geteuid(), os.getegid()
    if user:
        call("unshare", NEW_USER)
        for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    call("unshare", NEW_MOUNTS | NEW_IPC | NEW_PROCESSES | NEW_NETWORK)


def mount(source, place, kind, flags, options=None):
    call("mount", source.encode(), place.encode(), kind.encode(), ctypes.c_ulong(flags), options and options.encode())


def show(path, attributes):
    """`path` under the new root with these attributes, or the link that it is."""
    place = ROOT + path
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), place)
        return
    os.makedirs(place) if os.path.isdir(path) else open(place, "x").close()
    mount(path, place, "", BIND | RECURSIVE)
    wanted = (ctypes.c_uint64 * 4)(attributes)
    call("syscall", ctypes.c_long(MOUNT_SETATTR), HERE, place.encode(), RECURSIVELY, wanted, ctypes.c_size_t(32))


def change_root(paths, size):
    """A root in memory that has `paths` to read and one folder to write. In it no further user name space is made."""
    mount("none", "/", "", PRIVATE | RECURSIVE)
    mount("none", ROOT, "tmpfs", NO_SETUID | NO_DEVICES, f"size={size},nr_inodes=4096,mode=755")
    for path in paths:
        show(path, READ_ONLY | NO_SETUID | NO_DEVICES)
    for path in ("/dev/null", "/dev/zero", "/dev/urandom"):
        show(path, NO_SETUID)
    os.mkdir(ROOT + WORK)
    os.chmod(ROOT + WORK, 0o777)
    os.chroot(ROOT)
    os.chdir(WORK)


def give_up_rights(number):
    """Root becomes a user without files; what another user has in his name space ends with the next exec."""
    if os.geteuid() == 0:
        nobody = PASSING_USERS[number % len(PASSING_USERS)]
        os.setgroups([])
        os.setresgid(nobody, nobody, nobody)
        os.setresuid(nobody, nobody, nobody)
    for option, value in ((NO_NEW_RIGHTS, 1), (DUMPABLE, 0), (DEATH_SIGNAL, signal.SIGKILL)):
        call("prctl", option, value, 0, 0, 0)


def limit(limits):
    for name, value in (
        ("CPU", limits["cpu_seconds"]),
        ("AS", limits["memory"]),
        ("NPROC", limits["processes"]),
        ("FSIZE", limits["disk"]),
        ("NOFILE", limits["files"]),
        ("CORE", 0),
        ("MEMLOCK", 0),
        ("MSGQUEUE", 0),
    ):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def start(order, report):
    """The program's process; `order` is read from memory that nothing else opens."""
    memory = os.memfd_create("order")
    with open(memory, "w", closefd=False) as file:
        json.dump(order, file)
    os.lseek(memory, 0, os.SEEK_SET)
    child = os.fork()
    if child == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for source, target in ((memory, 0), (null, 1), (null, 2), (report, REPORT)):
            os.dup2(source, target)
        limit(order["limits"])
        # Nothing of the user's environment but where libpython is: as isolated as -I, with a fixed order of sets.
        libraries = {name: os.environ[name] for name in ["LD_LIBRARY_PATH"] if name in os.environ}
        environment = {"PYTHONHASHSEED": "0", "HOME": WORK, **libraries}
        os.execve(order["python"], ["python", "-P", "-s", "-S", "-c", RUNNER], environment)
    return child


def supervise(order, number):
    """Run the program as a child, for its time and no longer, and say how far it came; what is left ends with this."""
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # short of memory, the machine ends this first
    change_root(order["paths"], order["limits"]["disk"])
    give_up_rights(number)
    stages = {stage: secrets.token_hex(16) for stage in ("compiled", "passed")}
    result, report = os.pipe()
    os.set_blocking(result, False)
    child = start({**order, **stages}, report)
    os.write(1, b"ready\n")
    end = time.monotonic() + order["limits"]["seconds"]
    while time.monotonic() < end and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.005)
    with contextlib.suppress(BlockingIOError):
        found = os.read(result, 4096).decode(errors="replace")
        expected = stages["compiled"]
        os.write(1, b"compiled\n" * found.startswith(expected) + b"passed\n" * (found == expected + stages["passed"]))


def main():
    order, number = json.load(sys.stdin), os.getpid()
    leave_the_machine()
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return
    try:
        supervise(order, number)
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
