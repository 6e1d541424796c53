#include "train/corpus.h"

#include "base/check.h"
#include "base/file.h"
#include "train/corpus_check.h"

#include <unistd.h>

static char dir[] = "/tmp/corpus_test_XXXXXX";
static struct corpus c;
static struct buf said;
static struct err err;

static void corpus_put(const char *name, const char *text) {
    char path[256];
    CHECK(file_join(path, sizeof path, dir, name) && file_write(path, span_of(text), &err));
}

static void corpus_drop(const char *name) {
    char path[256];
    CHECK(file_join(path, sizeof path, dir, name) && unlink(path) == 0);
}

static bool corpus_read_corpus(void) {
    corpus_release(&c);
    buf_reset(&said);
    bool ok = corpus_read(&c, dir, label_default(), &said, &err);
    buf_putc(&said, '\0');
    said.n--;
    return ok;
}

static const char VALUES[] = "# slots\n"
                             "int: %D%d | %[5-7]\n"
                             "host: web%d | db.{word}\n"
                             "word: alpha | beta\n"
                             "pct: %[1-99]% | 100%\n"
                             "odd: %q%x{{} | %[x]\n";

static const char DOOR[] = "system: The Door\n"
                           "source: doord | door-{word}\n"
                           "prefix: [{host}]:\n"
                           "\n"
                           "[INFO]\n"
                           "door {int} is open\n"
                           "\\# of doors: {int}\n"
                           "# a comment\n"
                           "[AUTH_ERROR]\n"
                           "key {{{word}} was refused at {int}\n"
                           "[INFO]\n"
                           "door {int} is shut\n";

static void a_folder_is_read(void) {
    CHECK(mkdtemp(dir) != NULL);
    buf_init(&said, 1 << 20);
    corpus_put("VALUES", VALUES);
    corpus_put("door.log", DOOR);
    corpus_put("alarm.log", "system: Alarm\nsource: alarm\n[UNCLASSIFIED]\nhorn broken\n");
    CHECK(corpus_read_corpus());
    CHECK_STR(said.p, "");
    CHECK_INT(c.systems, 2);
    CHECK_STR(c.system[0].id, "alarm");
    CHECK_SPAN(c.system[1].name, "The Door");
    CHECK_INT(c.system[1].sources, 2);
    CHECK_INT(c.n, 5);
    CHECK_SPAN(c.template[2].text, "# of doors: {int}");
    CHECK_INT(c.template[3].line, 10);
    CHECK_INT(c.template[4].label, label_find(label_default(), SPAN_LIT("INFO")));
}

static void corpus_rows(unsigned copies, uint64_t seed, struct dataset *d) {
    dataset_init(d);
    CHECK(corpus_generate(&c, copies, seed, d, &err));
}

static void messages_are_made_from_templates(void) {
    struct dataset d, same, other;
    unsigned prefixed = 0, sourceless = 0;
    corpus_rows(9, 1, &d), corpus_rows(9, 1, &same), corpus_rows(9, 2, &other);
    CHECK_INT(d.n, 45);
    CHECK_INT(d.groups, 2);
    size_t equal = 0;
    for (size_t i = 0; i < d.n; i++) {
        CHECK(span_eq(d.row[i].message, same.row[i].message) && span_eq(d.row[i].source, same.row[i].source));
        equal += span_eq(d.row[i].message, other.row[i].message);
        prefixed += d.row[i].message.p[0] == '[';
        sourceless += d.row[i].source.n == 0;
        sourceless += other.row[i].source.n == 0;
        CHECK(i % 9 != 0 || d.row[i].source.n > 0);
        CHECK(!memchr(d.row[i].message.p, '%', d.row[i].message.n));
    }
    CHECK(equal < d.n);
    CHECK_INT(prefixed, 12); /* a third of the 36 rows of the system that has a prefix */
    CHECK(sourceless > 0 && sourceless < 2 * 5 * 8 && sourceless % 8 == 0);
    CHECK_SPAN(d.row[0].message, "horn broken");
    dataset_release(&d), dataset_release(&same), dataset_release(&other);
}

static void a_template_is_not_changed_by_others(void) {
    struct dataset before, after;
    corpus_rows(2, 7, &before);
    corpus_put("aaa.log", "system: A\nsource: a\n[INFO]\nhello {host}\n");
    CHECK(corpus_read_corpus());
    corpus_rows(2, 7, &after);
    for (size_t i = 0; i < before.n; i++) CHECK(span_eq(before.row[i].message, after.row[i + 2].message));
    dataset_release(&before), dataset_release(&after);
    corpus_drop("aaa.log");
}

static int label_of_template(const char *text, const struct label_set *set, const char **id) {
    struct corpus with = {0};
    CHECK(corpus_read(&with, dir, set, &said, &err));
    int found = -1;
    for (size_t i = 0; i < with.n; i++)
        if (span_eq(with.template[i].text, span_of(text))) found = with.template[i].label;
    *id = found < 0 ? "none" : set->label[found].id;
    corpus_release(&with);
    return found;
}

/* The second label set's sections are the parts of UNCLASSIFIED for the built-in set and labels of their own for ops.
 */
static void a_section_of_ops_folds(void) {
    const char *id;
    corpus_put("parts.log",
               "system: P\nsource: p\n[NETWORK_ERROR]\nno route to hosts\n[UNCLASSIFIED]\nat x\n[INFO]\nok\n");
    label_of_template("no route to hosts", label_default(), &id);
    CHECK_STR(id, "UNCLASSIFIED");
    label_of_template("no route to hosts", label_ops(), &id);
    CHECK_STR(id, "NETWORK_ERROR");
    CHECK_INT(label_of_template("at x", label_ops(), &id), (int)label_ops()->unclassified);
    label_of_template("ok", label_ops(), &id);
    CHECK_STR(id, "INFO");
    CHECK_STR(said.p, "");
    CHECK_INT(label_ops()->n, 16);
    CHECK_INT(label_fold(label_default(), SPAN_LIT("NOPE")), -1);
    corpus_drop("parts.log");
}

static void codes_make_values(void) {
    struct rng rng = {3};
    struct buf b;
    buf_init(&b, 4096);
    for (unsigned i = 0; i < 200; i++) {
        unsigned v = 0;
        buf_reset(&b);
        values_expand(&c.values, SPAN_LIT("{{{int} {pct} {odd} {host} {{x}"), &rng, &b);
        buf_putc(&b, '\0');
        CHECK(!b.failed && sscanf(b.p, "{%u ", &v) == 1);
        CHECK((v >= 10 && v <= 99) || (v >= 5 && v <= 7));
        CHECK(strstr(b.p, "% ") && (strstr(b.p, " %q") || strstr(b.p, " %[x] ")) && strstr(b.p, " {x}"));
        CHECK(strstr(b.p, " web") || strstr(b.p, " db.alpha") || strstr(b.p, " db.beta"));
    }
    buf_release(&b);
}

static void bad_lines_are_named(void) {
    corpus_put("bad.log",
               "system: B\nsystem: C\nsource: b | \n[NOPE]\nx\n[INFO]\nno {such} slot\nopen { brace\n{\nfine\nat "
               "0x%x%x\nis %d %%d %DUAL\n");
    CHECK(corpus_read_corpus());
    CHECK_INT(c.problems, 7);
    static const char *const SAYS[] = {"bad.log:2: expected one 'system:'",
                                       "bad.log:3: an empty source",
                                       "bad.log:4: a section of an unknown label",
                                       "bad.log:7: unknown slot {such}",
                                       "bad.log:8: a '{' that opens no slot",
                                       "bad.log:9: a '{' that opens no slot",
                                       "bad.log:11: '%d', '%x'"};
    for (unsigned i = 0; i < 7; i++)
        if (!strstr(said.p, SAYS[i])) CHECK_STR(said.p, SAYS[i]);
    corpus_drop("bad.log");
}

static void bad_values_are_refused(void) {
    static const struct {
        const char *text, *says;
    } CASES[] = {
        {"a: 1\nb\n", "VALUES:2: expected 'name: value"},
        {"a: 1\na: 2\n", "VALUES:2: slot {a} stands there twice"},
        {"a: 1 | | 2\n", "VALUES:1: an empty value"},
        {"a: {b}\n", "VALUES:1: unknown slot {b}"},
        {"b: x\na: {c}\nc: y | {a}\n", "VALUES:2: slot {a} contains itself"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        corpus_put("VALUES", CASES[i].text);
        CHECK(!corpus_read_corpus());
        if (!strstr(err.msg, CASES[i].says)) CHECK_STR(err.msg, CASES[i].says);
    }
    corpus_put("VALUES", VALUES);
}

static void lint_finds_repeats(void) {
    struct corpus_check_result r;
    corpus_put("more.log", "system: M\nsource: m\n[INFO]\ndoor {int} is open\ndoor {int} is ajar\ndoor {int} is ajar\n"
                           "[BACKUP]\nhorn broken\n");
    CHECK(corpus_read_corpus());
    corpus_check_run(&c, &r, &said);
    buf_putc(&said, '\0');
    CHECK_INT(r.duplicates, 1);
    CHECK_INT(r.contradictions, 1);
    CHECK_INT(r.repeats, 1);
    CHECK_INT(r.distinct, 6);
    CHECK_INT(r.thin_labels, 9);
    CHECK(strstr(said.p, "more.log:6: error: the same as line 5"));
    CHECK(strstr(said.p, "BACKUP here, but UNCLASSIFIED in alarm.log:4"));
    CHECK(strstr(said.p, "INFO                           6        2"));
    corpus_drop("more.log");
}

static void lint_finds_leaks_and_tells_nothing(void) {
    struct corpus_check_result r = {0};
    char path[256];
    corpus_put("unseen.csv", "message,label\nsecretd: the door 12 is open,x\nthe horn is broken secretly,y\n"
                             "secret key alpha was refused at 12,z\n");
    corpus_put("more.log", "system: M\nsource: m\n[INFO]\nthe door {int} is open\nred green blue {int}\n");
    CHECK(corpus_read_corpus() && file_join(path, sizeof path, dir, "unseen.csv"));
    buf_reset(&said);
    CHECK(corpus_check_against(&c, path, &r, &said, &err));
    buf_putc(&said, '\0');
    CHECK_INT(r.leaks, 2);
    CHECK(strstr(said.p, "door.log:10: error: the wording"));
    CHECK(strstr(said.p, "more.log:4: error: the wording"));
    CHECK(!strstr(said.p, "secret"));
    corpus_drop("more.log"), corpus_drop("unseen.csv");
}

static void corpus_clean_up(void) {
    corpus_drop("door.log"), corpus_drop("alarm.log"), corpus_drop("VALUES");
    CHECK(!corpus_read_corpus());
    CHECK(strstr(err.msg, "no .log file") != NULL);
    corpus_release(&c);
    buf_release(&said);
    CHECK(rmdir(dir) == 0);
}

CHECK_MAIN(CHECK_TEST(a_folder_is_read), CHECK_TEST(messages_are_made_from_templates),
           CHECK_TEST(a_template_is_not_changed_by_others), CHECK_TEST(a_section_of_ops_folds),
           CHECK_TEST(codes_make_values), CHECK_TEST(bad_lines_are_named), CHECK_TEST(bad_values_are_refused),
           CHECK_TEST(lint_finds_repeats), CHECK_TEST(lint_finds_leaks_and_tells_nothing), CHECK_TEST(corpus_clean_up))
