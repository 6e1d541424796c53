#include "cmd/cmd.h"

#include "base/log.h"
#include "base/thread.h"
#include "cmd/network.h"
#include "metrics/metrics.h"
#include "pipeline/pipeline.h"
#include "server/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] = "Usage: logclass serve [OPTIONS]\n\n"
                            "Answers POST /classify with a JSON array of {\"source\",\"log_message\"} objects, in "
                            "their order; GET /health, /metrics.\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass serve --port 8080\n"
    "  curl -s localhost:8080/classify -d '[{\"source\":\"app\",\"log_message\":\"User admin123 logged in.\"}]'\n\n"
    "Signals: TERM and INT finish what is in flight and stop, a second one stops at once; HUP loads rules, labels, "
    "head and\n"
    "model again, and keeps the old ones when the new ones are broken.\n";

/* What the signal thread needs. Signals are taken by a thread of their own, so that no handler runs in the middle of
 * things. */
struct control {
    const struct conf *conf;
    struct pipeline *pipeline;
    struct server *server;
};

static void reload(struct control *k) {
    struct err e = {0};
    struct engine *old = pipeline_engine(k->pipeline), *fresh = cmd_engine(k->conf, &e);
    if (fresh && label_hash(&fresh->labels) != label_hash(&old->labels)) {
        err_set(&e, ERR_INPUT, "the labels have changed: restart to serve other labels");
        engine_unref(fresh);
        fresh = NULL;
    }
    if (fresh) {
        pipeline_swap(k->pipeline, fresh);
        log_info("reload.done", "rules, head and model are loaded anew");
    } else {
        log_error("reload.failed", "the old rules, head and model stay: %s", e.msg);
    }
    engine_unref(fresh);
    engine_unref(old);
}

static void *signal_main(void *arg) {
    struct control *k = arg;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    for (bool stopping = false;;) {
        int sig = 0;
        if (sigwait(&set, &sig) != 0) continue;
        if (sig == SIGUSR1) return NULL; /* serving has ended */
        if (sig == SIGHUP) {
            reload(k);
        } else if (!stopping) {
            log_info("server.drain", "finishing what is in flight; a second signal stops at once");
            server_stop(k->server);
            stopping = true;
        } else {
            _exit(CMD_FAILED);
        }
    }
}

static void block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static struct server_opts server_opts_of(const struct conf *c) {
    struct server_opts o = SERVER_OPTS_DEFAULT;
    o.host = c->host;
    o.port = (unsigned)c->port;
    o.token_file = c->token_file;
    o.allow_open = c->allow_open;
    o.header_bytes_max = (size_t)c->header_bytes_max;
    o.header_time_ms = (unsigned)c->header_time_max;
    o.body_bytes_max = (size_t)c->body_bytes_max;
    o.body_time_ms = (unsigned)c->body_time_max;
    o.entries_max = (unsigned)c->entries_max;
    o.connections_max = (unsigned)c->connections_max;
    o.line_bytes_max = (size_t)c->line_bytes_max;
    o.depth_max = (unsigned)c->depth_max;
    o.body_memory_max = (size_t)c->body_memory_max;
    o.client_entries_max = (unsigned)c->client_entries_max;
    o.idle_time_ms = (unsigned)c->idle_time_max;
    o.write_time_ms = (unsigned)c->write_time_max;
    o.threads = (unsigned)c->loops;
    o.access_log = c->access_log;
    o.drain_delay_ms = (unsigned)c->drain_delay;
    o.drain_time_ms = (unsigned)c->drain_time_max;
    return o;
}

static void install_label_names(const struct label_set *labels) {
    struct label_names names = {.n = labels->n};
    for (unsigned i = 0; i < labels->n; i++) names.name[i] = labels->label[i].id;
    metrics_set_labels(&names);
}

/* Takes the pipeline over. */
static bool run(const struct conf *c, struct pipeline *p, struct err *e) {
    struct server_opts o = server_opts_of(c);
    struct network *net = NULL;
    struct server *s = network_open(c, p, false, &net, e) ? server_open_pipeline(&o, p, e) : NULL;
    if (!s) {
        pipeline_close(p);
        network_close(net);
        return false;
    }
    struct control control = {.conf = c, .pipeline = p, .server = s};
    pthread_t signals = thread_start(signal_main, &control);
    log_info("server.start", "listening on %s port %u", c->host, server_port(s));
    bool ok = server_run(s, e);
    pthread_kill(signals, SIGUSR1);
    pthread_join(signals, NULL);
    pipeline_close(p); /* before the server: late answers still find their connections */
    network_close(net);
    server_close(s);
    return ok;
}

int cmd_serve(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    int operands, status = CMD_OK;
    if (cmd_help(argc, argv, USAGE, CONF_SERVE, EXAMPLES)) return CMD_OK;
    block_signals();
    bool ok = cmd_conf(&c, CONF_SERVE, argc, argv, &operands, &e);
    if (ok && operands > 0) ok = err_set(&e, ERR_USAGE, "unknown word '%s'; see 'logclass serve --help'", argv[1]);
    struct engine *eng = ok ? cmd_engine(&c, &e) : NULL;
    struct pipeline_opts po = {.workers = (unsigned)c.workers, .memo_entries = c.memo ? (size_t)c.memo_entries : 0};
    struct pipeline *p = eng ? pipeline_open(&po, eng, &e) : NULL;
    if (p) install_label_names(&eng->labels);
    if (!p || !run(&c, p, &e)) status = cmd_fail(&e);
    engine_unref(eng);
    conf_release(&c);
    return status;
}
