#include "cmd/cmd.h"
#include "text/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "Usage: logclass template [--source NAME] < lines\n\n"
    "Shows the template that each line becomes: the text that the encoder and the LLM see, and that answers are "
    "remembered by.\n"
    "  --source NAME   put the source before each line, as when the source counts\n\n"
    "  sort -u app.log | logclass template | sort | uniq -c | sort -rn | head    the commonest kinds of line\n";

int cmd_template(int argc, char **argv) {
    if (cmd_help(argc, argv, USAGE, 0, "")) return CMD_OK;
    struct span source = {0};
    if (argc == 3 && strcmp(argv[1], "--source") == 0) {
        source = span_of(argv[2]);
    } else if (argc > 1) {
        fprintf(stderr, "logclass: unknown argument '%s'; see 'logclass template --help'\n", argv[1]);
        return CMD_USAGE;
    }
    char *line = NULL, out[TEMPLATE_MAX];
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        if (line[n - 1] == '\n') n--;
        size_t len = template_write(source, (struct span){line, (size_t)n}, true, out);
        fwrite(out, 1, len, stdout);
        putchar('\n');
    }
    free(line);
    return fflush(stdout) == 0 && !ferror(stdin) ? CMD_OK : CMD_FAILED;
}
