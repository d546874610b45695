/* A disk that takes A and a for one name, and keeps the case in which a name was made, for one program: loaded before
 * libc, it looks for every name below the folder that FOLDED names as such a disk does. It has the calls that the embedded
 * S3 makes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define NEXT(name) __typeof__(name) *next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static DIR *open_folder(const char *path) {
    DIR *(*next)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
    return next(path);
}

/* The path with each name as it is there. */
static const char *found(const char *path, char *room) {
    const char *folder = getenv("FOLDED");
    if (!folder || !path || strncmp(path, folder, strlen(folder)) || strlen(path) >= PATH_MAX)
        return path;
    strcpy(room, path);
    char *at = room + strlen(folder);
    while (*at == '/') {
        char *name = at + 1, *end = strchrnul(name, '/'), kept = *end;
        *at = 0;
        *end = 0;
        DIR *around = open_folder(room);
        for (struct dirent *entry; around && (entry = readdir(around));)
            if (!strcasecmp(entry->d_name, name))
                strcpy(name, entry->d_name);
        if (around)
            closedir(around);
        *at = '/';
        *end = kept;
        at = end;
    }
    return room;
}

#define FOLD(path) char room_##path[PATH_MAX]; path = found(path, room_##path)

int open64(const char *path, int flags, ...) {
    NEXT(open);
    __builtin_va_list rest;
    __builtin_va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? __builtin_va_arg(rest, mode_t) : 0;
    __builtin_va_end(rest);
    FOLD(path);
    return next(path, flags, mode);
}
DIR *opendir(const char *path) {
    FOLD(path);
    return open_folder(path);
}
int statx(int folder, const char *path, int flags, unsigned mask, struct statx *data) {
    NEXT(statx);
    FOLD(path);
    return next(folder, path, flags, mask, data);
}
int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    NEXT(linkat);
    FOLD(from);
    FOLD(to);
    return next(from_folder, from, to_folder, to, flags);
}
int rename(const char *from, const char *to) {
    NEXT(rename);
    FOLD(from);
    FOLD(to);
    return next(from, to);
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
