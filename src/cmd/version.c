#include "build_info.h"
#include "cmd/cmd.h"
#include "kern/kern.h"

#include <curl/curl.h>
#include <hs.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include <yyjson.h>
#include <zlib.h>
#include <zstd.h>

static const char USAGE[] =
    "Usage: logclass version [--verbose]\n\n"
    "  --verbose   also the libraries, and the encoder kernels with which of them this machine can run\n";

static void print_kernels(void) {
    const struct kern *best = kern_select(NULL);
    puts("kernels, slowest first (--kernel NAME forces one):");
    for (unsigned i = 0; kern_at(i); i++) {
        const struct kern *k = kern_at(i);
        printf("  %-14s %s\n", k->name,
               k == best        ? "used by default"
               : kern_usable(k) ? "usable"
                                : "this machine lacks its instructions");
    }
}

int cmd_version(int argc, char **argv) {
    if (cmd_help(argc, argv, USAGE, 0, "")) return CMD_OK;
    printf("logclass %s (%s, %s)\n", BUILD_VERSION, BUILD_COMMIT, BUILD_MODE);
    if (argc < 2 || strcmp(argv[1], "--verbose") != 0) return CMD_OK;
    printf("hyperscan %s\nlibcurl %s\nsqlite %s\nyyjson %s\nxxhash %u\nzlib %s\nzstd %s\n", hs_version(),
           curl_version(), sqlite3_libversion(), YYJSON_VERSION_STRING, XXH_versionNumber(), zlibVersion(),
           ZSTD_versionString());
    print_kernels();
    return CMD_OK;
}
