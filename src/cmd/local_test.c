#include "cmd/local.h"

#include "base/check.h"
#include "base/file.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* Stands for llama-server: says that it is loading, then that it is well; writes how it was started to its model. */
static const char FAKE[] =
    "#!/usr/bin/env python3\n"
    "import http.server, json, os, resource, signal, sys\n"
    "asked = 0\n"
    "class Handler(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        global asked\n"
    "        asked += 1\n"
    "        self.send_response(503 if asked < 3 else 200)\n"
    "        self.end_headers()\n"
    "    def log_message(self, *args):\n"
    "        pass\n"
    "args = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
    "with open(args['--model'] + '.told', 'w') as f:\n"
    "    f.write(json.dumps({'environment': sorted(os.environ), 'nice': os.nice(0), 'host': args['--host'],\n"
    "                        'core': resource.getrlimit(resource.RLIMIT_CORE)[0], 'files': "
    "len(os.listdir('/proc/self/fd')),\n"
    "                        'blocked': len(signal.pthread_sigmask(signal.SIG_BLOCK, []))}))\n"
    "http.server.HTTPServer((args['--host'], int(args['--port'])), Handler).serve_forever()\n";

static char g_server[64], g_model[64], g_told[80];

static struct local_opts set_up(const char *program) {
    static int serial;
    struct err e;
    serial++;
    snprintf(g_server, sizeof g_server, "/tmp/logclass_local_%d_%d", (int)getpid(), serial);
    snprintf(g_model, sizeof g_model, "/tmp/logclass_local_%d_%d.gguf", (int)getpid(), serial);
    snprintf(g_told, sizeof g_told, "%s.told", g_model);
    CHECK(file_write(g_server, span_of(program), &e) && chmod(g_server, 0700) == 0);
    CHECK(file_write(g_model, SPAN_LIT("GGUF and so on"), &e));
    return (struct local_opts){.server = g_server, .model = g_model, .context = 2048, .backoff_ms = 10};
}

static void local_clean_up(void) {
    unlink(g_server), unlink(g_model), unlink(g_told);
}

static void wait_until_gone(int pid) {
    while (kill(pid, 0) == 0) usleep(10000);
}

static void it_runs_until_we_end(void) {
    struct err e = {0};
    struct local_opts o = set_up(FAKE);
    setenv("LOGCLASS_CANARY", "secret", 1);
    struct local *l = local_open(&o, &e);
    CHECK(l != NULL);
    CHECK_INT(local_wait(l, 60000), LOCAL_READY);
    int pid = local_pid(l);
    CHECK(pid > 0 && strncmp(local_url(l), "http://127.0.0.1:", 17) == 0);
    local_close(l);
    CHECK(kill(pid, 0) != 0);
    struct span told;
    CHECK(file_read(g_told, 65536, &told, &e));
    CHECK(strstr(told.p, "\"core\": 0") && strstr(told.p, "\"host\": \"127.0.0.1\"") &&
          strstr(told.p, "\"blocked\": 0"));
    CHECK(strstr(told.p, "\"HOME\"") && !strstr(told.p, "LOGCLASS_CANARY")); /* nothing of our environment */
    CHECK(strstr(told.p, "\"nice\": 5") || strstr(told.p, "\"nice\": 1"));   /* 5 more than ours */
    file_free(&told);
    local_clean_up();
}

static void it_is_started_again(void) {
    struct err e = {0};
    struct local_opts o = set_up(FAKE);
    struct local *l = local_open(&o, &e);
    CHECK_INT(local_wait(l, 60000), LOCAL_READY);
    for (int i = 0; i < LOCAL_FAILURES_MAX - 2; i++) {
        int pid = local_pid(l);
        kill(pid, SIGKILL);
        wait_until_gone(pid);
        while (local_pid(l) == pid) usleep(10000);
        CHECK_INT(local_wait(l, 60000), LOCAL_READY);
        CHECK(local_pid(l) != pid);
    }
    local_close(l);
    local_clean_up();
}

static void what_fails_too_often_is_given_up(void) {
    struct err e = {0};
    struct local_opts o = set_up("#!/bin/sh\necho started >> \"$2.told\"\nexit 3\n");
    struct local *l = local_open(&o, &e);
    CHECK_INT(local_wait(l, 60000), LOCAL_FAILED);
    local_close(l);
    struct span told;
    CHECK(file_read(g_told, 65536, &told, &e));
    CHECK_INT(told.n, 8 * LOCAL_FAILURES_MAX);
    file_free(&told);
    local_clean_up();
}

static void one_that_does_not_want_to_end_is_ended(void) {
    struct err e = {0};
    struct local_opts o = set_up("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n");
    struct local *l = local_open(&o, &e);
    CHECK_INT(local_wait(l, 300), LOCAL_LOADING);
    int pid = local_pid(l);
    local_close(l);
    CHECK(kill(pid, 0) != 0);
    local_clean_up();
}

static void local_wrong_options_are_named(void) {
    struct err e = {0};
    struct local_opts o = set_up(FAKE);
    char path[128];
    o.model = "/nowhere.gguf";
    CHECK(local_open(&o, &e) == NULL && strstr(e.msg, "/nowhere.gguf") != NULL);
    o.model = g_server;
    CHECK(local_open(&o, &e) == NULL && strstr(e.msg, "no GGUF file") != NULL);
    CHECK(!local_find_server("/nowhere/llama-server", path, sizeof path, &e) && strstr(e.msg, "/nowhere/llama-server"));
    CHECK(local_find_server(g_server, path, sizeof path, &e) && strcmp(path, g_server) == 0);
    local_clean_up();
}

CHECK_MAIN(CHECK_TEST(it_runs_until_we_end), CHECK_TEST(it_is_started_again),
           CHECK_TEST(what_fails_too_often_is_given_up), CHECK_TEST(one_that_does_not_want_to_end_is_ended),
           CHECK_TEST(local_wrong_options_are_named))
