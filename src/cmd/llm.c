#include "app/classifier.h"
#include "app/options.h"
#include "cmd/cmd.h"
#include "app/network.h"
#include "data/result_json.h"
#include "remote/dispatcher.h"
#include "text/template.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "Usage: logclass llm show|ask [OPTIONS] LINE\n\n"
    "  show   print the exact request that would be sent for the line (without the key); nothing is sent\n"
    "  ask    ask the LLM about the line, or recall what it said, and print the answer\n\n"
    "The rules and the encoder are not asked. The llm options set where the LLM is and what it may cost.\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass llm show 'payment 5512 refused by bank for alice@example.com'       what leaves the machine\n"
    "  logclass llm ask --llm-url http://127.0.0.1:8081/v1 'spool /var/q is 93% full'\n\n"
    "Exit status: 0 answered, 1 no answer (and why), 2 wrong usage.\n";

enum { REQUEST_BYTES_MAX = 1 << 20, ANSWER_BYTES_MAX = 4096 };

/* The one answer, on its way from the dispatcher's thread. */
struct reply {
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool done, answered;
    struct answer answer;
    enum err_code why;
};

static void llm_take(void *ctx, const struct pending *p, const struct answer *a, enum err_code why) {
    struct reply *r = ctx;
    (void)p;
    pthread_mutex_lock(&r->lock);
    r->done = true;
    r->answered = a != NULL;
    if (a) r->answer = *a;
    r->why = why;
    pthread_cond_signal(&r->came);
    pthread_mutex_unlock(&r->lock);
}

static int llm_show_prompt(struct llm *l, struct span template) {
    struct err e = {0};
    struct buf request;
    buf_init(&request, REQUEST_BYTES_MAX);
    bool ok = llm_show(l, template, &request, &e);
    if (ok) fwrite(request.p, 1, request.n, stdout);
    buf_release(&request);
    return ok ? CMD_OK : cmd_fail(&e);
}

static int print_answer(const struct reply *r, const struct label_set *labels) {
    struct err e = {0};
    if (!r->answered) {
        enum err_code why = r->why == ERR_OK ? ERR_NO_LABEL : r->why; /* the store knows that it had none for this */
        err_set(&e, why, "the LLM gave no answer: %s", err_meaning(why));
        return cmd_fail(&e);
    }
    struct buf out;
    buf_init(&out, ANSWER_BYTES_MAX);
    result_json(
        &out, labels,
        &(struct result){.decider = r->answer.decider, .label = r->answer.label, .confidence = r->answer.confidence});
    printf("%.*s\n", (int)out.n, out.p);
    buf_release(&out);
    return CMD_OK;
}

static int llm_ask_line(struct llm *l, const struct label_set *labels, struct span line, struct span template) {
    struct err e = {0};
    struct reply r = {.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
    struct dispatcher_opts o = {
        .service = {llm_service(l)}, .services = 1, .calls_max = 1, .waiters_max = 1, .answer = llm_take, .ctx = &r};
    struct question q = {.message = line, .template = template};
    struct pending nobody = {0};
    struct dispatcher *dispatcher = dispatcher_open(&o, &e);
    if (!dispatcher || !dispatcher_ask(dispatcher, &nobody, &q, &e)) {
        dispatcher_close(dispatcher);
        return cmd_fail(&e);
    }
    pthread_mutex_lock(&r.lock);
    while (!r.done) pthread_cond_wait(&r.came, &r.lock);
    pthread_mutex_unlock(&r.lock);
    dispatcher_close(dispatcher);
    return print_answer(&r, labels);
}

/* Every option's row says whom it is for; a question is a line that classify would have asked. */
static int llm_run(const struct conf *c, bool only_show, struct span line, struct err *e) {
    struct engine *eng = classifier_engine(c, true, e);
    struct llm *l = eng && !c->offline ? network_llm_open(c, &eng->labels, 0, e) : NULL;
    char template[TEMPLATE_MAX];
    int status;
    if (l) {
        size_t n = template_write(span_of(c->source), line, engine_uses_source(eng), template);
        struct span t = {template, n};
        status = only_show ? llm_show_prompt(l, t) : llm_ask_line(l, &eng->labels, line, t);
    } else {
        if (e->code == ERR_OK)
            err_set(e, ERR_USAGE, "no LLM is configured: give --llm-url, or GROQ_API_KEY in the environment%s",
                    c->offline ? "; and offline forbids to ask" : "");
        status = cmd_fail(e);
    }
    llm_close(l);
    engine_unref(eng);
    return status;
}

int cmd_llm(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    int operands;
    if (cmd_help(argc, argv, USAGE, CONF_CLASSIFY, EXAMPLES)) return CMD_OK;
    bool only_show = argc > 1 && strcmp(argv[1], "show") == 0;
    bool ok = only_show || (argc > 1 && strcmp(argv[1], "ask") == 0);
    if (!ok) err_set(&e, ERR_USAGE, "expected 'show' or 'ask'; see 'logclass llm --help'");
    ok = ok && options_load(&c, CONF_CLASSIFY, argc - 1, argv + 1, &operands, &e);
    if (ok && operands != 1)
        ok = err_set(&e, ERR_USAGE, "%d words: expected one line, in quotes; see 'logclass llm --help'", operands);
    int status = ok ? llm_run(&c, only_show, span_of(argv[2]), &e) : cmd_fail(&e);
    conf_release(&c);
    return status;
}
