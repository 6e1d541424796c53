#include "text/program.h"

#include "base/check.h"

static struct span trade_of(const char *text) {
    return program_trade(span_of(text));
}

static void names_are_in_order_so_that_each_is_found(void) {
    static const char *const NAME[] = {
#define PROGRAM(name, trade) name,
#include "text/program.def"
#undef PROGRAM
    };
    static const char *const WORDS[] = {
#define TRADE(name, words) words,
#include "text/program_trade.def"
#undef TRADE
    };
    enum { NAMES = sizeof NAME / sizeof NAME[0] };
    size_t found = 0;
    for (size_t i = 0; i < NAMES; i++) {
        char text[PROGRAM_NAME_MAX + 8];
        if (i > 0) CHECK(strcmp(NAME[i - 1], NAME[i]) < 0);
        snprintf(text, sizeof text, "%s: x", NAME[i]);
        struct span got = trade_of(text);
        for (size_t k = 0; k < sizeof WORDS / sizeof WORDS[0]; k++) found += span_eq(got, span_of(WORDS[k]));
    }
    CHECK_INT(found, NAMES);
}

static void a_source_is_looked_up_whole_and_then_by_its_parts(void) {
    CHECK_SPAN(trade_of("clickhouse: x"), "database");
    CHECK_SPAN(trade_of("clickhouse-backup: x"), "backup");
    CHECK_SPAN(trade_of("postgres-backup: x"), "backup");
    CHECK_SPAN(trade_of("PostgreSQL: x"), "database");
    CHECK_SPAN(trade_of("apache: x"), "web server");
    CHECK_SPAN(trade_of("org.apache.zookeeper.server.Learner: x"), "broker");
    CHECK_SPAN(trade_of("/usr/sbin/sshd[<num>]: x"), "login");
    CHECK_SPAN(trade_of("clickhouses: x"), "");
    CHECK_SPAN(trade_of("clickhous: x"), "");
}

static void a_name_may_say_what_it_is(void) {
    CHECK_SPAN(trade_of("billing-nightbackups-of_2: x"), "backup");
    CHECK_SPAN(trade_of("ordersdb: x"), "database");
    CHECK_SPAN(trade_of("db: x"), "");
    CHECK_SPAN(trade_of("night-scheduler: x"), "workflow");
    CHECK_SPAN(trade_of("nightlybackup: x"), "backup");
}

static void only_a_source_is_looked_up(void) {
    CHECK_SPAN(trade_of("postgres"), "");
    CHECK_SPAN(trade_of("postgres:x"), "");
    CHECK_SPAN(trade_of("the postgres: x"), "");
    CHECK_SPAN(trade_of("postgres is down: x"), "");
    CHECK_SPAN(trade_of(""), "");
    CHECK_SPAN(trade_of(": x"), "");
    char longer[PROGRAM_NAME_MAX + 16];
    memset(longer, 'a', sizeof longer);
    memcpy(longer + sizeof longer - 12, "-postgres: x", 12);
    CHECK_SPAN(program_trade((struct span){longer, sizeof longer}), "");
}

static void the_hash_is_the_same_each_time(void) {
    CHECK(program_hash() != 0);
    CHECK(program_hash() == program_hash());
}

CHECK_MAIN(CHECK_TEST(names_are_in_order_so_that_each_is_found),
           CHECK_TEST(a_source_is_looked_up_whole_and_then_by_its_parts), CHECK_TEST(a_name_may_say_what_it_is),
           CHECK_TEST(only_a_source_is_looked_up), CHECK_TEST(the_hash_is_the_same_each_time))
