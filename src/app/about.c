#include "app/about.h"

#include "app/shipped.h"
#include "base/must.h"
#include "llm/llm.h"
#include "train/head_versions.h"
#include "app/state_dir.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *about_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* The head in use: as named, retrained here, or shipped. */
void about_head_path(const struct conf *conf, bool learnt, char *out) {
    char folder[PATH_MAX];
    struct err ignored;
    bool ops = strcmp(conf->labels, "ops") == 0;
    if (learnt && !conf->head[0] && !ops && state_dir_path("heads", folder, sizeof folder) &&
        head_versions_current(folder, out, PATH_MAX))
        return;
    shipped_choose(conf->data_dir, conf->head, ops ? "head-ops.json" : "head.json", false, out, &ignored);
}

static void about_encoder(struct buf *out, const struct classifier *c, const struct conf *conf) {
    char model[PATH_MAX], real[PATH_MAX], head[PATH_MAX];
    struct err ignored;
    shipped_choose(conf->data_dir, conf->model, "model", false, model, &ignored);
    about_head_path(conf, c->use != CLASSIFIER_LIBRARY, head);
    const char *name = realpath(model, real) ? about_base(real) : about_base(model);
    buf_printf(out, "encoder %s (%s), head %s", name, encoder_kernel_name(c->engine->encoder), head);
}

void about_llm(struct buf *out, const struct classifier *c, const struct conf *conf) {
    struct llm *l = network_llm(c->network);
    if (!l) return;
    bool budget = conf->llm_calls_day || conf->llm_calls_minute || conf->llm_tokens_day || conf->llm_tokens_minute;
    buf_printf(out, "%s, %s", llm_about(l), budget ? "with a budget" : "no budget");
}

void about_write(struct buf *out, const struct classifier *c, const struct conf *conf) {
    const struct engine *eng = c->engine;
    size_t rules = eng->rules ? rules_count(eng->rules) : 0;
    buf_printf(out, "%zu rule%s; ", rules, rules == 1 ? "" : "s");
    if (eng->encoder)
        about_encoder(out, c, conf);
    else if (network_bert_is_remote(conf))
        buf_printf(out, "encoder at %s", conf->bert);
    else
        buf_puts(out, "no encoder");
    size_t had = out->n;
    buf_puts(out, "; LLM ");
    size_t before = out->n;
    about_llm(out, c, conf);
    if (out->n > before) return;
    out->n = had;
    buf_puts(out, "; no LLM");
}
