#include "cmd/cmd.h"
#include "encoder/encoder_bench.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] = "Usage: logclass bench encoder [OPTIONS] [FILE]\n\n"
                            "Measures the encoder on this machine: lines and tokens a second for one and two threads, "
                            "and the time of a single line. The lines are the first 256 of FILE, or made up.\n";

int cmd_bench(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    int operands;
    if (cmd_help(argc, argv, USAGE, CONF_BENCH, "")) return CMD_OK;
    bool ok = cmd_conf(&c, CONF_BENCH, argc, argv, &operands, &e);
    if (ok && (operands < 1 || operands > 2 || strcmp(argv[1], "encoder") != 0))
        ok = err_set(&e, ERR_USAGE, "expected 'logclass bench encoder [FILE]'");
    char model[PATH_MAX] = "";
    if (ok && !c.model[0] && !cmd_data_path("model", model, sizeof model))
        ok = err_set(&e, ERR_IO, "the model is not there; 'make model' fetches it");
    if (ok) {
        struct encoder_opts o = {.model_dir = c.model[0] ? c.model : model,
                                 .kernel = c.kernel,
                                 .adapter_path = strcmp(c.adapter, "none") == 0 ? "" : c.adapter};
        ok = encoder_bench(&o, operands > 1 ? argv[2] : "", stdout, &e);
    }
    conf_release(&c);
    return ok ? CMD_OK : cmd_fail(&e);
}
