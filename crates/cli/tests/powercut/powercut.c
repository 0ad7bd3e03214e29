/* A disk that forgets what was not synced, for a process started with LD_PRELOAD.
 *
 * Everything goes to the real directory as usual. Beside it, in the shadow directory, is kept what a power cut would
 * leave: contents as of the last fsync or fdatasync of each file, names as of the last fsync of each directory. This is
 * the strict reading of POSIX: syncing a file does not make its name durable, and a rename counts from the fsync of its
 * directory. What else a power cut may leave (any part of what was not synced) is added by whoever cuts the power.
 *
 *   POWERCUT_DIR        the directory to watch; it exists when the process starts, and all in it counts as durable
 *   POWERCUT_SHADOW     an empty directory:
 *                         inodes/UID   the synced content of a file
 *                         dirs/UID     the synced names of a directory, a line each: f|d UID NAME; the root is 0
 *                         uids         a line for each file or directory that was made: UID INODE
 *   POWERCUT_FAIL       substring of a path: the POWERCUT_FAIL_AT'th sync (from 1) of such a file fails with EIO, and
 *                       what was to be synced stays forgotten, however often it is synced again
 *   POWERCUT_LIE        substring of a path: syncs of such files succeed and do nothing
 *
 * Known: calls that bypass the C library are not seen. Of the store's, these are fallocate (a file's length is taken at
 * its next sync, so nothing is missed) and flock. Memory maps and copy_file_range are not watched: nobody uses them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_MAX_BYTES 4096

struct range { off_t start, end; };

struct node {
    struct node *next;
    ino_t ino;
    uint64_t uid;
    struct range *dirty;
    size_t dirty_count, dirty_room;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct node *table[4096];
static uint64_t next_uid;
static dev_t device;
static char root[PATH_MAX_BYTES], shadow[PATH_MAX_BYTES];
static const char *fail, *lie;
static long fail_at, fail_seen;
static int on, uids_fd = -1;

static void die(const char *what) {
    dprintf(2, "powercut: %s: %s\n", what, strerror(errno));
    abort();
}

#define REAL(name) \
    static typeof(name) *real; \
    if (!real && !(real = dlsym(RTLD_NEXT, #name))) die(#name)

/* The library's own calls, past everything. */
static int raw_open(const char *path, int flags) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600); }
static void raw_write(int fd, const void *data, size_t bytes) {
    while (bytes > 0) {
        ssize_t n = syscall(SYS_write, fd, data, bytes);
        if (n < 0) die("write the shadow");
        data = (const char *)data + n;
        bytes -= (size_t)n;
    }
}

/* ------------------------------------------------------------------------------------------------ what is known */

static struct node *find(ino_t ino) {
    struct node *node = table[ino % 4096];
    while (node && node->ino != ino) node = node->next;
    return node;
}

/* A file or directory that was just made, perhaps with the number of one that is gone. */
static struct node *made(ino_t ino) {
    struct node *node = find(ino);
    if (!node) {
        node = calloc(1, sizeof *node);
        if (!node) die("memory");
        node->ino = ino;
        node->next = table[ino % 4096];
        table[ino % 4096] = node;
    }
    node->uid = next_uid++;
    node->dirty_count = 0;
    char line[64];
    int bytes = snprintf(line, sizeof line, "%llu %llu\n", (unsigned long long)node->uid, (unsigned long long)ino);
    raw_write(uids_fd, line, (size_t)bytes);
    return node;
}

static struct node *of_fd(int fd, struct stat *st) {
    if (!on || fstat(fd, st) != 0 || st->st_dev != device) return NULL;
    return find(st->st_ino);
}

static void dirty(struct node *node, off_t start, off_t end) {
    if (end <= start) return;
    if (node->dirty_count > 0) {
        struct range *last = &node->dirty[node->dirty_count - 1];
        if (start <= last->end && last->start <= end) {
            if (start < last->start) last->start = start;
            if (end > last->end) last->end = end;
            return;
        }
    }
    if (node->dirty_count == node->dirty_room) {
        node->dirty_room = node->dirty_room ? 2 * node->dirty_room : 16;
        node->dirty = realloc(node->dirty, node->dirty_room * sizeof *node->dirty);
        if (!node->dirty) die("memory");
    }
    node->dirty[node->dirty_count++] = (struct range){start, end};
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link, path, PATH_MAX_BYTES - 1);
    if (bytes < 0) return 0;
    path[bytes] = 0;
    return 1;
}

static int within_root(const char *path) {
    size_t bytes = strlen(root);
    return strncmp(path, root, bytes) == 0 && (path[bytes] == '/' || path[bytes] == 0);
}

/* --------------------------------------------------------------------------------------------- making it durable */

static void shadow_path(char *out, const char *kind, uint64_t uid) {
    snprintf(out, PATH_MAX_BYTES + 64, "%s/%s/%llu", shadow, kind, (unsigned long long)uid);
}

static void copy_range(int from, int to, off_t start, off_t end) {
    static char buffer[1 << 16];
    while (start < end) {
        size_t want = (size_t)(end - start) < sizeof buffer ? (size_t)(end - start) : sizeof buffer;
        ssize_t n = syscall(SYS_pread64, from, buffer, want, start);
        if (n < 0) die("read back");
        if (n == 0) return;
        for (ssize_t done = 0; done < n;) {
            ssize_t m = syscall(SYS_pwrite64, to, buffer + done, (size_t)(n - done), start + done);
            if (m < 0) die("write the shadow");
            done += m;
        }
        start += n;
    }
}

/* `from` is readable, of any mode that the program chose: it is opened anew. */
static void keep_file(const char *path, struct node *node, const struct range *ranges, size_t count) {
    char target[PATH_MAX_BYTES + 64];
    shadow_path(target, "inodes", node->uid);
    int from = raw_open(path, O_RDONLY), to = raw_open(target, O_WRONLY | O_CREAT);
    if (from < 0 || to < 0) die("open the shadow of a file");
    struct stat st;
    if (fstat(from, &st) != 0 || syscall(SYS_ftruncate, to, st.st_size) != 0) die("length of a shadow");
    for (size_t i = 0; i < count; i++) {
        copy_range(from, to, ranges[i].start, ranges[i].end < st.st_size ? ranges[i].end : st.st_size);
    }
    close(from);
    close(to);
}

static void keep_dir(const char *path, struct node *node) {
    char target[PATH_MAX_BYTES + 64], temporary[PATH_MAX_BYTES + 80], line[512];
    shadow_path(target, "dirs", node->uid);
    snprintf(temporary, sizeof temporary, "%s.tmp", target);
    int to = raw_open(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    DIR *dir = opendir(path);
    if (to < 0 || !dir) die("open the shadow of a directory");
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        /* Removed meanwhile. */
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        struct node *child = find(st.st_ino);
        if (!child) child = made(st.st_ino);
        int bytes = snprintf(line, sizeof line, "%c %llu %s\n", S_ISDIR(st.st_mode) ? 'd' : 'f',
                             (unsigned long long)child->uid, entry->d_name);
        raw_write(to, line, (size_t)bytes);
    }
    closedir(dir);
    close(to);
    if (syscall(SYS_rename, temporary, target) != 0) die("replace the shadow of a directory");
}

/* What lies there at the start is durable. */
static void adopt(const char *path) {
    struct stat st;
    if (lstat(path, &st) != 0) die(path);
    struct node *node = made(st.st_ino);
    if (S_ISDIR(st.st_mode)) {
        DIR *dir = opendir(path);
        if (!dir) die(path);
        for (struct dirent *entry; (entry = readdir(dir));) {
            char child[PATH_MAX_BYTES];
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            if (snprintf(child, sizeof child, "%s/%s", path, entry->d_name) >= (int)sizeof child) die("a long path");
            adopt(child);
        }
        closedir(dir);
        keep_dir(path, node);
    } else {
        struct range whole = {0, st.st_size};
        keep_file(path, node, &whole, 1);
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *dir = getenv("POWERCUT_DIR"), *to = getenv("POWERCUT_SHADOW"), *at = getenv("POWERCUT_FAIL_AT");
    if (!dir || !to) return;
    char path[PATH_MAX_BYTES + 64];
    struct stat st;
    if (!realpath(dir, root) || !realpath(to, shadow) || stat(root, &st) != 0) die("POWERCUT_DIR, POWERCUT_SHADOW");
    device = st.st_dev;
    fail = getenv("POWERCUT_FAIL");
    fail_at = at ? atol(at) : 1;
    lie = getenv("POWERCUT_LIE");
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", shadow, i ? "dirs" : "inodes");
        if (syscall(SYS_mkdirat, AT_FDCWD, path, 0700) != 0 && errno != EEXIST) die(path);
    }
    snprintf(path, sizeof path, "%s/uids", shadow);
    uids_fd = raw_open(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (uids_fd < 0) die(path);
    adopt(root);
    on = 1;
}

/* Ends with 0 or with -1 and errno, like the call in whose place it stands. */
static int sync_fd(int fd, long number) {
    char path[PATH_MAX_BYTES];
    struct stat st;
    pthread_mutex_lock(&lock);
    struct node *node = of_fd(fd, &st);
    int known = node && path_of(fd, path);
    if (!known) {
        pthread_mutex_unlock(&lock);
        return (int)syscall(number, fd);
    }
    if (lie && strstr(path, lie)) {
        pthread_mutex_unlock(&lock);
        return 0;
    }
    if (fail && strstr(path, fail) && ++fail_seen == fail_at) {
        dprintf(2, "powercut: this sync fails: %s\n", path);
        node->dirty_count = 0;
        pthread_mutex_unlock(&lock);
        errno = EIO;
        return -1;
    }
    /* What is written from now on needs another sync. */
    struct range *ranges = node->dirty;
    size_t count = node->dirty_count;
    node->dirty = NULL;
    node->dirty_count = node->dirty_room = 0;
    pthread_mutex_unlock(&lock);
    int done = (int)syscall(number, fd), why = errno;
    if (done == 0) {
        pthread_mutex_lock(&lock);
        char self[64];
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        if (S_ISDIR(st.st_mode)) keep_dir(path, node);
        else keep_file(self, node, ranges, count);
        pthread_mutex_unlock(&lock);
    }
    free(ranges);
    errno = why;
    return done;
}

int fsync(int fd) { return sync_fd(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_fd(fd, SYS_fdatasync); }

/* ------------------------------------------------------------------------------------------------------- writing */

static void wrote(int fd, off_t at, ssize_t bytes) {
    struct stat st;
    if (!on || bytes <= 0) return;
    int why = errno;
    pthread_mutex_lock(&lock);
    struct node *node = of_fd(fd, &st);
    if (node) dirty(node, at, at + bytes);
    pthread_mutex_unlock(&lock);
    errno = why;
}

/* Where a write without an offset went: its end is where the file stands now. */
static void wrote_here(int fd, ssize_t bytes) {
    if (on && bytes > 0) wrote(fd, lseek(fd, 0, SEEK_CUR) - bytes, bytes);
}

ssize_t write(int fd, const void *data, size_t bytes) {
    REAL(write);
    ssize_t n = real(fd, data, bytes);
    wrote_here(fd, n);
    return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    ssize_t n = real(fd, parts, count);
    wrote_here(fd, n);
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) {
    REAL(pwrite);
    ssize_t n = real(fd, data, bytes, at);
    wrote(fd, at, n);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) { return pwrite(fd, data, bytes, at); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    REAL(pwritev);
    ssize_t n = real(fd, parts, count, at);
    wrote(fd, at, n);
    return n;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return pwritev(fd, parts, count, at); }

int ftruncate(int fd, off_t length) {
    REAL(ftruncate);
    struct stat st;
    pthread_mutex_lock(&lock);
    struct node *node = of_fd(fd, &st);
    int done = real(fd, length), why = errno;
    /* What comes back later between the two lengths is zero. */
    if (node && done == 0) {
        if (length < st.st_size) dirty(node, length, st.st_size);
        else dirty(node, st.st_size, length);
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

/* ------------------------------------------------------------------------------------------------- making things */

static int open_at(int dir, const char *path, int flags, mode_t mode) {
    struct stat before, after;
    char where[PATH_MAX_BYTES];
    if (!on || !(flags & (O_CREAT | O_TRUNC))) return (int)syscall(SYS_openat, dir, path, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = fstatat(dir, path, &before, 0) == 0;
    int fd = (int)syscall(SYS_openat, dir, path, flags, mode), why = errno;
    if (fd >= 0 && fstat(fd, &after) == 0 && after.st_dev == device && path_of(fd, where) && within_root(where)) {
        if (!existed) {
            made(after.st_ino);
        } else if (flags & O_TRUNC) {
            struct node *node = find(after.st_ino);
            if (node) dirty(node, 0, before.st_size);
        }
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE(flags) return open_at(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE(flags) return open_at(dir, path, flags, mode); }

int mkdirat(int dir, const char *path, mode_t mode) {
    struct stat st;
    char where[PATH_MAX_BYTES];
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_mkdirat, dir, path, mode), why = errno;
    if (on && done == 0) {
        int fd = (int)syscall(SYS_openat, dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) != 0 || !path_of(fd, where)) die("look at a new directory");
        if (st.st_dev == device && within_root(where)) made(st.st_ino);
        close(fd);
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
