#include "train/head_versions.h"

#include "base/check.h"
#include "base/file.h"

#include <unistd.h>

enum { NOW_S = 1700000000 }; /* 2023-11-14 22:13:20 UTC */

static char g_folder[64];

static void fresh_folder(void) {
    snprintf(g_folder, sizeof g_folder, "/tmp/logclass_heads_XXXXXX");
    CHECK(mkdtemp(g_folder) != NULL);
}

static void remove_folder(void) {
    char path[2048];
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    for (unsigned i = 0, n = head_versions_list(g_folder, all); i < n; i++) {
        snprintf(path, sizeof path, "%s/%s.json", g_folder, all[i].name), unlink(path);
        snprintf(path, sizeof path, "%s/%s.taught", g_folder, all[i].name), unlink(path);
    }
    snprintf(path, sizeof path, "%s/current.json", g_folder), unlink(path);
    CHECK(rmdir(g_folder) == 0);
}

/* A head of two labels that can be told by its bias. name NULL: a candidate. */
static bool versions_write_one(float bias, int64_t now_s, char *name, struct err *e) {
    static const uint64_t TAUGHT[] = {7, 0xfedcba9876543210u};
    float weight[4] = {1, 2, 3, 4}, biases[2] = {bias, 0};
    struct head_content *c = calloc(1, sizeof *c);
    c->labels.n = 2;
    snprintf(c->labels.label[0].id, LABEL_ID_MAX, "A");
    snprintf(c->labels.label[1].id, LABEL_ID_MAX, "UNCLASSIFIED");
    c->labels.unclassified = 1;
    c->layers = 1;
    c->layer[0] = (struct head_layer){.inputs = 2, .outputs = 2, .weight = weight, .bias = biases};
    struct head_versions_lesson l = {c, TAUGHT, 2, now_s};
    bool ok = name ? head_versions_install(g_folder, &l, name, e) : head_versions_keep(g_folder, &l, e);
    free(c);
    return ok;
}

static bool versions_install_one(float bias, int64_t now_s, char *name, struct err *e) {
    return versions_write_one(bias, now_s, name, e);
}

static bool versions_keep_one(float bias, struct err *e) {
    return versions_write_one(bias, 0, NULL, e);
}

static float bias_of_current(void) {
    char path[256];
    struct err e;
    struct head *h = head_versions_current(g_folder, path, sizeof path) ? head_open(path, &e) : NULL;
    float bias = h ? head_content(h)->layer[0].bias[0] : -1;
    head_close(h);
    return bias;
}

static void a_candidate_waits_until_it_is_accepted(void) {
    struct err e = {0};
    char name[HEAD_VERSIONS_NAME_MAX], path[256];
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    uint64_t *taught;
    size_t n;
    fresh_folder();
    CHECK(!head_versions_accept(g_folder, NOW_S, name, &e));
    CHECK(strstr(e.msg, "no head waits") != NULL);
    CHECK(versions_install_one(1, NOW_S, name, &e));
    CHECK(versions_keep_one(2, &e));
    CHECK(versions_keep_one(3, &e)); /* another takes its place */
    CHECK_INT(head_versions_list(g_folder, all), 1);
    CHECK(bias_of_current() == 1);
    CHECK(head_versions_path(g_folder, HEAD_VERSIONS_CANDIDATE, path, sizeof path));
    CHECK(head_versions_accept(g_folder, NOW_S + 1, name, &e));
    CHECK_STR(name, "20231114-221321");
    CHECK(bias_of_current() == 3);
    head_versions_taught(g_folder, &taught, &n);
    CHECK_INT(n, 2);
    free(taught);
    CHECK(!head_versions_path(g_folder, HEAD_VERSIONS_CANDIDATE, path, sizeof path));
    CHECK(!head_versions_accept(g_folder, NOW_S, name, &e));
    CHECK(versions_keep_one(4, &e) && head_versions_discard(g_folder, &e) && head_versions_discard(g_folder, &e));
    CHECK(!head_versions_accept(g_folder, NOW_S, name, &e));
    CHECK(!head_versions_restore(g_folder, HEAD_VERSIONS_CANDIDATE, &e)); /* it is no version yet */
    remove_folder();
}

static void heads_are_kept_and_brought_back(void) {
    struct err e = {0};
    char first[HEAD_VERSIONS_NAME_MAX], second[HEAD_VERSIONS_NAME_MAX];
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    uint64_t *taught;
    size_t n;
    fresh_folder();
    CHECK_INT(head_versions_list(g_folder, all), 0);
    CHECK(bias_of_current() == -1);
    CHECK(versions_install_one(1, NOW_S, first, &e) && bias_of_current() == 1);
    CHECK_STR(first, "20231114-221320");
    CHECK(versions_install_one(2, NOW_S, second, &e) && bias_of_current() == 2); /* in the same second */
    CHECK_INT(head_versions_list(g_folder, all), 2);
    CHECK_STR(all[0].name, second);
    CHECK(all[0].current && !all[1].current);
    CHECK(head_versions_restore(g_folder, first, &e) && bias_of_current() == 1);
    head_versions_taught(g_folder, &taught, &n);
    CHECK(n == 2 && taught[0] == 7 && taught[1] == 0xfedcba9876543210u);
    free(taught);
    CHECK(head_versions_restore(g_folder, "shipped", &e) && bias_of_current() == -1);
    CHECK(head_versions_restore(g_folder, "shipped", &e));
    head_versions_taught(g_folder, &taught, &n);
    CHECK(n == 0 && taught == NULL);
    CHECK_INT(head_versions_list(g_folder, all), 2);
    CHECK(head_versions_restore(g_folder, second, &e) && bias_of_current() == 2);
    static const char *const NONE[] = {"20200101-000000", "../x", "current", "", "2023\n"};
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        CHECK(!head_versions_restore(g_folder, NONE[i], &e) && e.code == ERR_INPUT && bias_of_current() == 2);
    remove_folder();
}

static void the_oldest_make_room_but_not_the_one_in_use(void) {
    struct err e = {0};
    char first[HEAD_VERSIONS_NAME_MAX], name[HEAD_VERSIONS_NAME_MAX];
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    fresh_folder();
    CHECK(versions_install_one(0, NOW_S, first, &e));
    for (int i = 1; i < HEAD_VERSIONS_MAX + 5; i++) {
        CHECK(versions_install_one((float)i, NOW_S + i, name, &e));
        CHECK(head_versions_restore(g_folder, first, &e));
    }
    unsigned n = head_versions_list(g_folder, all);
    CHECK_INT(n, HEAD_VERSIONS_MAX);
    CHECK_STR(all[0].name, name);
    CHECK_STR(all[n - 1].name, first);
    remove_folder();
}

CHECK_MAIN(CHECK_TEST(a_candidate_waits_until_it_is_accepted), CHECK_TEST(heads_are_kept_and_brought_back),
           CHECK_TEST(the_oldest_make_room_but_not_the_one_in_use))
