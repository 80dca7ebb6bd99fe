"""
A file system for tests that takes README and readme for one name, and the letters of one name however they are spelled, as APFS does and ext4 with casefold.
Names stay as they were made. `python3 folding-fs.py SOURCE MOUNTPOINT` shows SOURCE there until it is unmounted; needs python3-pyfuse3.
"""

import errno
import os
import sys
import unicodedata

import pyfuse3
import trio
from pyfuse3 import EntryAttributes, FileInfo, FUSEError, Operations, ROOT_INODE

COPIED = "mode nlink uid gid rdev size atime_ns mtime_ns ctime_ns".split()
SPACE = "bsize frsize blocks bfree bavail files ffree favail namemax".split()


def fold(name):
    try:
        return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name.decode()).casefold())
    except UnicodeDecodeError:
        return name


def failing(call):
    """What the system says of a call is what the caller is told."""

    async def told(*words):
        try:
            return await call(*words)
        except OSError as error:
            raise FUSEError(error.errno)

    return told


class Folding(Operations):
    def __init__(self, source):
        super().__init__()
        self.paths = {ROOT_INODE: os.fsencode(source)}
        self.opened = {}

    def at(self, folder, name):
        """The entry that answers to a name, or where it would be."""
        for entry in os.listdir(self.paths[folder]):
            if fold(entry) == fold(name):
                return os.path.join(self.paths[folder], entry)
        return os.path.join(self.paths[folder], name)

    def state(self, inode):
        fd = next(iter(self.opened.get(inode, ())), None)
        return self.entry(os.lstat(self.paths[inode]) if fd is None else os.fstat(fd), inode)

    def entry(self, found, inode=None):
        entry = EntryAttributes()
        entry.st_ino = inode or found.st_ino
        for name in COPIED:
            setattr(entry, "st_" + name, getattr(found, "st_" + name))
        entry.entry_timeout = entry.attr_timeout = 0
        return entry

    def known(self, path):
        found = os.lstat(path)
        self.paths[found.st_ino] = path
        return self.entry(found)

    @failing
    async def lookup(self, folder, name, context=None):
        return self.known(self.at(folder, name))

    @failing
    async def getattr(self, inode, context=None):
        return self.state(inode)

    @failing
    async def setattr(self, inode, attributes, fields, fh, context):
        target = next(iter(self.opened.get(inode, ())), self.paths[inode])
        if fields.update_size:
            os.truncate(target, attributes.st_size)
        if fields.update_mode:
            os.chmod(target, attributes.st_mode & 0o7777)
        if fields.update_atime or fields.update_mtime:
            before = self.state(inode)
            last_read = attributes.st_atime_ns if fields.update_atime else before.st_atime_ns
            changed = attributes.st_mtime_ns if fields.update_mtime else before.st_mtime_ns
            os.utime(target, ns=(last_read, changed))
        return self.state(inode)

    @failing
    async def mkdir(self, folder, name, mode, context):
        path = self.at(folder, name)
        os.mkdir(path, mode)
        return self.known(path)

    @failing
    async def rmdir(self, folder, name, context):
        os.rmdir(self.at(folder, name))

    @failing
    async def unlink(self, folder, name, context):
        os.unlink(self.at(folder, name))

    @failing
    async def rename(self, folder, name, to_folder, to_name, flags, context):
        if flags:
            raise FUSEError(errno.EINVAL)
        source, target = self.at(folder, name), self.at(to_folder, to_name)
        inode = os.lstat(source).st_ino
        os.rename(source, target)
        self.paths[inode] = target

    async def opendir(self, inode, context):
        return inode

    @failing
    async def readdir(self, inode, start, token):
        names = sorted(os.listdir(self.paths[inode]))
        for index in range(start, len(names)):
            entry = self.known(os.path.join(self.paths[inode], names[index]))
            if not pyfuse3.readdir_reply(token, names[index], entry, index + 1):
                return

    @failing
    async def fsyncdir(self, inode, data_only):
        pass

    @failing
    async def open(self, inode, flags, context):
        return FileInfo(fh=self.hold(inode, os.open(self.paths[inode], flags & ~os.O_NOFOLLOW)))

    @failing
    async def create(self, folder, name, mode, flags, context):
        path = self.at(folder, name)
        fd = os.open(path, flags | os.O_CREAT, mode)
        entry = self.known(path)
        return FileInfo(fh=self.hold(entry.st_ino, fd)), entry

    def hold(self, inode, fd):
        self.opened.setdefault(inode, set()).add(fd)
        return fd

    @failing
    async def read(self, fd, offset, size):
        return os.pread(fd, size, offset)

    @failing
    async def write(self, fd, offset, data):
        return os.pwrite(fd, data, offset)

    @failing
    async def fsync(self, fd, data_only):
        os.fsync(fd)

    async def flush(self, fd):
        pass

    @failing
    async def release(self, fd):
        for fds in self.opened.values():
            fds.discard(fd)
        os.close(fd)

    @failing
    async def statfs(self, context):
        found, told = os.statvfs(self.paths[ROOT_INODE]), pyfuse3.StatvfsData()
        for name in SPACE:
            setattr(told, "f_" + name, getattr(found, "f_" + name))
        return told


source, mountpoint = sys.argv[1:]
pyfuse3.init(Folding(source), mountpoint, pyfuse3.default_options | {"fsname=folding"})
print("ready", flush=True)
try:
    trio.run(pyfuse3.main)
finally:
    pyfuse3.close(unmount=False)
