#include "train/labelled.h"

#include <string.h>
#include <sys/stat.h>

enum { PROBLEMS_BYTES_MAX = 1 << 20 };

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
