/* service: one stage as a process of its own, for another logclass to ask (remote/bert_service, llm). */
#include "cmd/cmd.h"
#include "app/daemon.h"
#include "llm/llm.h"

#include <stdio.h>
#include <string.h>

static const char USAGE[] = "Usage: logclass service bert|llm [OPTIONS]\n\n"
                            "  bert   the encoder and its head; port 5000\n"
                            "  llm    the LLM that the llm options describe; port 5001\n\n"
                            "One stage as a service: POST /classify with {\"message\":\"…\"} is answered by\n"
                            "{\"label_id\",\"label\",\"confidence\"}. What cannot be told is a status of 502 to 504, "
                            "so that the caller goes on.\n"
                            "GET /health, /metrics and the limits, tokens and signals are those of 'logclass serve'.\n";

static const char EXAMPLES[] = "\nExamples\n"
                               "  logclass service bert &\n"
                               "  curl -s localhost:5000/classify -d '{\"message\":\"Failed password for root\"}'\n"
                               "  logclass service llm --llm-url http://127.0.0.1:8081/v1 &\n"
                               "  logclass serve --bert http://127.0.0.1:5000/classify \\\n"
                               "                 --llm-url http://127.0.0.1:5001/classify\n";

static bool service_set(struct conf *c, const char *name, const char *value, struct err *e) {
    return conf_set(c, name, value, "the role", e);
}

/* Its answers have passed one threshold here; the pipeline's is the caller's. */
static bool adjust_bert(struct conf *c, struct err *e) {
    return service_set(c, "rules", "none", e) && service_set(c, "bert", "local", e) &&
           service_set(c, "bert-pipeline-threshold", "0", e) && service_set(c, "llm-url", "off", e) &&
           service_set(c, "offline", "yes", e);
}

static bool adjust_llm(struct conf *c, struct err *e) {
    struct llm_opts o = LLM_DEFAULT;
    o.url = c->llm_url;
    o.key_file = c->llm_key_file;
    if (c->offline) return err_set(e, ERR_USAGE, "offline forbids to ask an LLM");
    if (!llm_is_configured(&o))
        return err_set(e, ERR_USAGE, "no LLM is configured: give --llm-url, or GROQ_API_KEY in the environment");
    return service_set(c, "rules", "none", e) && service_set(c, "bert", "off", e);
}

int cmd_service(int argc, char **argv) {
    static const struct daemon_role BERT = {CONF_SERVICE_BERT, API_SERVICE, adjust_bert, false},
                                    LLM = {CONF_SERVICE_LLM, API_SERVICE, adjust_llm, false};
    bool bert = argc > 1 && strcmp(argv[1], "bert") == 0, llm = argc > 1 && strcmp(argv[1], "llm") == 0;
    enum conf_command command = bert ? CONF_SERVICE_BERT : llm ? CONF_SERVICE_LLM : 0;
    if (cmd_help(argc, argv, USAGE, command, EXAMPLES)) return CMD_OK;
    struct err e = {0};
    if (command) return daemon_run(bert ? &BERT : &LLM, argc - 1, argv + 1, &e) ? CMD_OK : cmd_fail(&e);
    err_set(&e, ERR_USAGE, "expected 'bert' or 'llm'; see 'logclass service --help'");
    return cmd_fail(&e);
}
