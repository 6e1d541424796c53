/* Any bytes: the parser says where it stopped, or gives rules that keep to the limits. */
#include "base/must.h"
#include "rules/cost.h"
#include "rules/rules_file.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_rule(const struct rule *r) {
    struct err e;
    struct cost cost;
    MUST(strlen(r->name) > 0 && strlen(r->name) <= RULES_NAME_MAX);
    MUST(strlen(r->pattern) > 0 && strlen(r->pattern) <= RULES_PATTERN_MAX);
    MUST(r->line < r->pattern_line && r->label < label_default()->n);
    MUST(r->confidence >= 0 && r->confidence <= 1);
    if (!cost_of(r->pattern, &cost, &e)) return;
    MUST(cost.copies <= COST_COPIES_MAX && cost.copies <= cost.positions);
    MUST(cost.positions <= strlen(r->pattern) + cost.copies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct rules_list list = {0};
    struct err e = {0};
    bool ok = rules_file_parse((struct span){(const char *)data, n}, "file", label_default(), &list, &e);
    MUST(ok || strncmp(e.msg, "file:", 5) == 0);
    MUST(list.n <= RULES_MAX);
    for (size_t i = 0; ok && i < list.n; i++) check_rule(&list.rule[i]);
    rules_file_release(&list);
    return 0;
}
