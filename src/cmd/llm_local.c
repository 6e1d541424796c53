#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "cmd/labelled.h"
#include "cmd/local.h"
#include "app/state_dir.h"

#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char USAGE[] =
    "Usage: logclass llm local [OPTIONS] MODEL.gguf\n\n"
    "Runs llama.cpp's server with a model of your choice, on loopback only, and looks after it: it gets fewer threads "
    "than\n"
    "there are cores and a limit of memory, is started again when it dies or hangs, and ends when this command does. "
    "When the\n"
    "model is loaded, the options to use it with are printed. Nothing else ever starts it.\n\nOptions\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass llm local --build              once: fetch the server's source and build it (ten minutes)\n"
    "  logclass llm local qwen2.5-3b.gguf      then, in another terminal:\n"
    "  logclass classify --llm-url http://127.0.0.1:8081/v1 --llm-dialect llama --llm-timeout 60000 app.log\n\n"
    "What models are worth: docs/llm.md. Exit status: 0 ended by a signal, 1 it failed, 2 wrong usage.\n";

enum { FLAGS_MAX = 16, LOOK_MS = 200, CONTEXT_DEFAULT = 4096, CALL_MS = 60000 };

struct options {
    const char *server;
    unsigned port, threads, context, memory;
    bool build, verbose;
};

static size_t local_make_flags(struct options *o, struct flag flag[FLAGS_MAX]) {
    const struct flag all[] = {
        {"build", FLAG_YES, &o->build, 0, 0, NULL, "build the server into the state folder, and end"},
        {"server", FLAG_TEXT, &o->server, 0, 0, "FILE",
         "llama-server to run (default: the one built, else the system's)"},
        {"port", FLAG_WHOLE, &o->port, 0, 65535, "N", "on 127.0.0.1; 0: any free one (default 8081)"},
        {"threads", FLAG_WHOLE, &o->threads, 0, 1024, "N", "0: one less than there are cores"},
        {"context", FLAG_WHOLE, &o->context, 1024, 1 << 20, "TOKENS", "of prompt and answer (default 4096)"},
        {"memory-max", FLAG_WHOLE, &o->memory, 0, 1 << 24, "MIB", "address space; 0: twice the model and 4 GiB"},
        {"verbose", FLAG_YES, &o->verbose, 0, 0, NULL, "all that the server says, not only warnings"},
    };
    enum { N = sizeof all / sizeof all[0] };
    _Static_assert((int)N <= (int)FLAGS_MAX, "room for all flags");
    memcpy(flag, all, sizeof all);
    return N;
}

static volatile sig_atomic_t g_stop;

static void on_signal(int signal_number) {
    (void)signal_number;
    g_stop = 1;
}

static void local_catch_signals(void) {
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
}

/* Becomes the script that builds; comes back only when that is not possible. */
static bool build(struct err *e) {
    char script[PATH_MAX], server[PATH_MAX];
    if (!cmd_data_path("build-llama", script, sizeof script))
        return err_set(e, ERR_IO, "build-llama is not among the shipped files");
    if (!state_dir_path("llama/llama-server", server, sizeof server))
        return err_set(e, ERR_IO, "there is no home to build in: set XDG_STATE_HOME");
    if (!state_dir_make_folders(server, e)) return false;
    server[strlen(server) - strlen("/llama-server")] = '\0';
    execl(script, script, server, (char *)NULL);
    return err_set(e, ERR_IO, "%s: %s", script, strerror(errno));
}

static void tell_use(const struct local *l) {
    printf("ready; use it with\n  --llm-url %s --llm-dialect llama --llm-timeout %d --llm-calls-max 1\n", local_url(l),
           CALL_MS);
    fflush(stdout);
}

/* Until a signal, or until it fails for good. */
static bool stay(struct local *l, struct err *e) {
    enum local_state state, told = LOCAL_LOADING;
    log_info("local.start", "loading the model");
    while (!g_stop && (state = local_wait(l, LOOK_MS)) != LOCAL_FAILED) {
        if (state == LOCAL_READY && told != LOCAL_READY) {
            tell_use(l);
            told = state;
        }
        if (state == LOCAL_READY) nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    return g_stop ||
           err_set(e, ERR_IO, "the server failed %d times in a row; --verbose shows what it says", LOCAL_FAILURES_MAX);
}

static bool local_run(const struct options *o, const char *model, struct err *e) {
    char server[PATH_MAX];
    if (o->build) return build(e);
    if (!local_find_server(o->server, server, sizeof server, e)) return false;
    struct local_opts lo = {.server = server,
                            .model = model,
                            .port = o->port,
                            .threads = o->threads,
                            .context = o->context,
                            .memory_max = (uint64_t)o->memory << 20,
                            .verbose = o->verbose};
    struct local *l = local_open(&lo, e);
    bool ok = l && stay(l, e);
    local_close(l);
    return ok;
}

int cmd_llm_local(int argc, char **argv) {
    struct options o = {.port = 8081, .context = CONTEXT_DEFAULT};
    struct flag flag[FLAGS_MAX];
    struct err e = {0};
    int operands;
    size_t flags = local_make_flags(&o, flag);
    if (labelled_help(argc, argv, USAGE, flag, flags, EXAMPLES)) return CMD_OK;
    local_catch_signals();
    bool ok = flags_parse(flag, flags, argc, argv, &operands, &e);
    if (ok && operands != (o.build ? 0 : 1))
        ok = err_set(&e, ERR_USAGE, "expected %s; see 'logclass llm local --help'",
                     o.build ? "no file with --build" : "one GGUF file");
    return ok && local_run(&o, argv[1], &e) ? CMD_OK : cmd_fail(&e);
}
