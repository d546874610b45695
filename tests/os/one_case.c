/* A disk that does not distinguish A from a, for one program: loaded before libc, it folds the path of
 * every call below the folder that FOLDED names. It has the calls that the embedded S3 makes. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *folded(const char *path, char *room) {
    const char *folder = getenv("FOLDED");
    if (!folder || !path || strncmp(path, folder, strlen(folder)) || strlen(path) >= PATH_MAX)
        return path;
    strcpy(room, path);
    for (char *at = room + strlen(folder); *at; at++)
        *at = tolower((unsigned char)*at);
    return room;
}

#define NEXT(name) __typeof__(name) *next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define FOLD(path) char room_##path[PATH_MAX]; path = folded(path, room_##path)

int open64(const char *path, int flags, ...) {
    NEXT(open);
    __builtin_va_list rest;
    __builtin_va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? __builtin_va_arg(rest, mode_t) : 0;
    __builtin_va_end(rest);
    FOLD(path);
    return next(path, flags, mode);
}
int statx(int folder, const char *path, int flags, unsigned mask, struct statx *found) {
    NEXT(statx);
    FOLD(path);
    return next(folder, path, flags, mask, found);
}
int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    NEXT(linkat);
    FOLD(from);
    FOLD(to);
    return next(from_folder, from, to_folder, to, flags);
}
int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    FOLD(path);
    return next(path, mode);
}
int unlink(const char *path) {
    NEXT(unlink);
    FOLD(path);
    return next(path);
}
int rmdir(const char *path) {
    NEXT(rmdir);
    FOLD(path);
    return next(path);
}
