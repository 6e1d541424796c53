#include "cmd/labelled.h"

#include "cmd/cmd.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBLEMS_BYTES_MAX = 1 << 20, HELP_BYTES_MAX = 1 << 16 };

bool labelled_corpus(struct corpus *c, const char *path, const struct label_set *labels, struct err *e) {
    struct buf problems;
    buf_init(&problems, PROBLEMS_BYTES_MAX);
    bool ok = corpus_read(c, path, labels, &problems, e);
    if (ok && c->problems > 0) {
        struct span first = buf_span(&problems);
        const char *nl = memchr(first.p, '\n', first.n);
        if (nl) first.n = (size_t)(nl - first.p);
        ok = err_set(e, ERR_INPUT, "%s/%.*s (%u such lines; 'logclass corpus lint %s' lists them)", path, (int)first.n,
                     first.p, c->problems, path);
    }
    buf_release(&problems);
    return ok;
}

bool labelled_read(struct dataset *d, const char *path, struct label_set *labels, const struct labelled_opts *o,
                   struct err *e) {
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return dataset_read(d, path, labels, o->grow, e);
    struct corpus c;
    struct label_set known = labels->n ? *labels : *label_default();
    bool ok = labelled_corpus(&c, path, &known, e) && corpus_generate(&c, o->copies, o->seed, d, e);
    corpus_release(&c);
    *labels = known;
    return ok;
}

void labelled_complete(struct label_set *labels) {
    int i = label_find(labels, SPAN_LIT("UNCLASSIFIED"));
    if (i < 0) {
        const struct label_set *all = label_default();
        i = (int)labels->n;
        labels->label[labels->n++] = all->label[all->unclassified];
    }
    labels->unclassified = (unsigned)i;
}

/* The option's value, or the shipped file's path; "" when there is neither. */
static const char *labelled_choose(const char *value, const char *shipped, char path[PATH_MAX]) {
    if (value && value[0]) return strcmp(value, "none") == 0 ? "" : value;
    return cmd_data_path(shipped, path, PATH_MAX) ? path : "";
}

struct encoder *labelled_encoder_open(const struct labelled_encoder *o, struct err *e) {
    char model[PATH_MAX], adapter[PATH_MAX];
    struct encoder_opts eo = {.model_dir = labelled_choose(o->model, "model", model),
                              .adapter_path = labelled_choose(o->adapter, "adapter.safetensors", adapter),
                              .kernel = o->kernel};
    if (eo.model_dir[0]) return encoder_open(&eo, e);
    err_set(e, ERR_IO, "the model is not there; 'make model' fetches it, --model names another");
    return NULL;
}

bool labelled_help(int argc, char **argv, const char *text, const struct flag *flag, size_t n, const char *more) {
    if (!cmd_help(argc, argv, text, 0, "")) return false;
    struct buf out;
    buf_init(&out, HELP_BYTES_MAX);
    flags_help(flag, n, &out);
    printf("%.*s%s", (int)out.n, out.p, more);
    buf_release(&out);
    return true;
}

bool labelled_colour(void) {
    const char *no = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no && no[0]);
}
