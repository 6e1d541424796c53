#include "app/places.h"

#include "app/shipped.h"
#include "app/state_dir.h"
#include "base/must.h"
#include "rules/page_rules.h"

#include <stdlib.h>

static bool places_reload(void *ctx, struct err *e) {
    struct places *p = ctx;
    return reload_engine(p->reload, e);
}

static bool places_cost(void *ctx, unsigned days, struct buf *out, struct err *e) {
    struct places *p = ctx;
    return cost_json(p->cost, days, out, e);
}

/* A `learn` that is begun here takes the encoder and the store of this process. The options of the config file it reads
 * by itself. */
static void fill_learn_args(struct places *p, const struct conf *c) {
    const struct {
        const char *flag, *value;
    } all[] = {{"--threads", "1"},
               {"--model", c->model},
               {"--adapter", c->adapter},
               {"--kernel", c->kernel},
               {"--store", c->llm_store}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!all[i].value[0]) continue;
        MUST(n + 3 <= PLACES_ARGS_MAX);
        p->learn_args[n++] = all[i].flag;
        p->learn_args[n++] = all[i].value;
    }
    if (c->config[0]) setenv("LOGCLASS_CONFIG", c->config, 1);
}

void places_open(struct places *p, const struct conf *conf, struct reload *reload) {
    struct err ignored;
    *p = (struct places){.cost = cost_open(), .reload = reload};
    fill_learn_args(p, conf);
    bool has_rules = state_dir_path(PAGE_RULES_FILE, p->page_rules, sizeof p->page_rules) &&
                     state_dir_make_folders(p->page_rules, &ignored);
    bool has_heads = state_dir_path("heads", p->heads, sizeof p->heads);
    shipped_choose(conf->data_dir, conf->head, "head.json", false, p->shipped_head, &ignored);
    p->api = (struct api_places){.page_rules = has_rules ? p->page_rules : NULL,
                                 .heads = has_heads ? p->heads : NULL,
                                 .shipped_head = p->shipped_head,
                                 .desk = conf->desk[0] ? conf->desk : NULL,
                                 .learn_args = p->learn_args,
                                 .ctx = p,
                                 .reload = places_reload,
                                 .cost = places_cost};
}

void places_close(struct places *p) {
    cost_close(p->cost);
    *p = (struct places){0};
}
