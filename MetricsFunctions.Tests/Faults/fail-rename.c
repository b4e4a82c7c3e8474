/* Preloaded into ClickHouse: while the file FAIL_RENAME exists, one rename of a part that is being inserted fails, and the file is removed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(const char *from)
{
    const char *trigger = getenv("FAIL_RENAME");
    if (!trigger || !strstr(from, "tmp_insert") || unlink(trigger) != 0)
        return 0;

    errno = EIO;
    return 1;
}

int rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return fails(from) ? -1 : next(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    int (*next)(int, const char *, int, const char *) = dlsym(RTLD_NEXT, "renameat");
    return fails(from) ? -1 : next(from_folder, from, to_folder, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned int flags)
{
    int (*next)(int, const char *, int, const char *, unsigned int) = dlsym(RTLD_NEXT, "renameat2");
    return fails(from) ? -1 : next(from_folder, from, to_folder, to, flags);
}
