#include "llm/redact.h"

#include "base/check.h"
#include "base/file.h"
#include "text/mask.h"

#include <unistd.h>

static struct redact *redact_open_rules(const char *path) {
    struct err e = {0};
    struct redact *r = redact_open(path, &e);
    if (!r) fprintf(stderr, "%s\n", e.msg);
    CHECK(r != NULL);
    return r;
}

static void check_rows(const struct redact *r, const char *const row[][2], size_t n) {
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        buf_reset(&out);
        redact_run(r, span_of(row[i][0]), &out);
        CHECK_SPAN(buf_span(&out), row[i][1]);
    }
    buf_release(&out);
}

static void secrets_go(void) {
    static const char *const ROW[][2] = {
        {"mail to jo.doe+x@mail.example.org bounced", "mail to <email> bounced"},
        {"clone https://bob:hunter2@git.example/x failed", "clone https://<secret>@git.example/x failed"},
        {"clone postgres://app@db/x", "clone postgres://<secret>@db/x"},
        {"password=hunter2 rejected", "password=<secret> rejected"},
        {"Password: 'hunter2' rejected", "Password: '<secret>' rejected"},
        {"{\"password\": \"hunter2\", \"user\": \"bob\"}", "{\"password\": \"<secret>\", \"user\": \"bob\"}"},
        {"db_password=x&user=y", "db_password=<secret>&user=y"},
        {"client_secret := abcdef;", "client_secret := <secret>;"},
        {"api-key => zzz", "api-key => <secret>"},
        {"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K#MDENG", "AWS_SECRET_ACCESS_KEY=<secret>"},
        {"session token=abc", "session token=<secret>"},
        {"Authorization: Bearer abcdefghijklmnopqrst", "Authorization: Bearer <secret>"},
        {"sent Bearer abcdefghijklmnopqrst ok", "sent Bearer <secret> ok"},
        {"sent Basic dXNlcjpwYXNzd29yZA== ok", "sent Basic <secret> ok"},
        {"key sk-abcdEFGH# used", "key <secret> used"},
        {"gsk_abcdefgh used", "<secret> used"},
        {"ghp_abcdefGHI# leaked", "<secret> leaked"},
        {"xoxb-abcdef-ghijkl leaked", "<secret> leaked"},
        {"AKIAIOSFODNN#EXAMPLE leaked", "<secret> leaked"},
        {"jwt eyJhbGciOiJIUzI.eyJzdWIiOiIx.abc-def end", "jwt <secret> end"},
        {"card 4111 1111 1111 1111 charged", "card <card> charged"},
        {"card 5500-0000-0000-0004 charged", "card <card> charged"},
        {"ran mysql --password hunter2 -h db", "ran mysql --password <secret> -h db"},
        {"AIza#abcdEFGH#ijkl used", "<secret> used"},
        {"pem -----BEGIN RSA PRIVATE KEY----- MIIE", "pem <secret>"},
        {"blob ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz end", "blob <secret> end"},
        {"a@b.co, c@d.co; password=x password=y", "<email>, <email>; password=<secret> password=<secret>"},
    };
    struct redact *r = redact_open_rules("");
    check_rows(r, ROW, sizeof ROW / sizeof ROW[0]);
    redact_close(r);
}

/* From the line as it was written: what the masker leaves of a secret is what the rows must know. */
static void nothing_of_a_secret_passes_masking_and_redaction(void) {
    static const char *const ROW[][2] = {
        {"curl -H 'Authorization: Bearer 7Yq2xKpW9vLmN4tRs8uZ' failed", "Yq"},
        {"login with gsk_9aB3xKpWqvLmNetRsRuZabcdefgh refused", "KpW"},
        {"AWS key AKIA4QXKZJWNBYTRMPLS was used from 10.0.0.1", "QXKZ"},
        {"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "JalrX"},
        {"token ghp_16C7e42F292c6912E7710c838347Ae178B4a leaked", "E7710"},
        {"github_pat_11ABCDEFG0abcdefghijkl_mnop was revoked", "ABCDEFG"},
        {"webhook xoxb-2417-8842-KpWqvLmNetRs fired", "KpW"},
        {"set password=Tr0ub4dor&3 for bob", "ub4dor"},
        {"DSN postgres://app:s3cr3tpw@db.internal:5432/x is wrong", "s3cr3t"},
        {"paid with 4111 1111 1111 1111", "1111"},
        {"cookie=deadbeefcafe1234; path=/", "beef"},
        {"mail from jane.roe@corp.example rejected", "jane"},
        {"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P expired", "zjgN"},
        {"using key AIzaSyD4kQwErTyUiOpAsDfGhJkLzXcVbNm123", "SyD4"},
        {"hf_KpWqvLmNetRsRuZabcdefghijklmnopqr is invalid", "KpW"},
    };
    struct redact *r = redact_open_rules("");
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        char masked[MASK_OUTPUT_MAX];
        size_t n = mask_line(span_of(ROW[i][0]), masked);
        buf_reset(&out);
        redact_run(r, (struct span){masked, n}, &out);
        buf_putc(&out, '\0');
        if (strstr(out.p, ROW[i][1])) fprintf(stderr, "'%s' is left in: %s\n", ROW[i][1], out.p);
        CHECK(strstr(out.p, ROW[i][1]) == NULL);
    }
    buf_release(&out);
    redact_close(r);
}

static void ordinary_lines_stay(void) {
    static const char *const LINE[] = {
        "",
        "Failed password for invalid user admin from <ip> port # ssh2",
        "token expired for session of bob",
        "disk_failure on task_manager-main: risk-assessment done",
        "authentication failure; logname= uid=0 euid=# tty=ssh ruser= rhost=<ip>",
        "primary key constraint violated",
        "basic authentication is deprecated",
        "keyboard: layout us",
        "org.apache.hadoop.mapreduce.v2.app.rm.RMContainerAllocator: Recalculating schedule",
        "monkey business",
        "order 4111 1111 1111 1112 shipped", /* no check digit */
        "<time> INFO dfs.DataNode$PacketResponder: Received block <id> of size # from <ip>",
        "the bearer of bad news",
        "unknown option --token --verbose",
        "duplicate key value violates unique constraint",
    };
    struct redact *r = redact_open_rules(NULL);
    for (size_t i = 0; i < sizeof LINE / sizeof LINE[0]; i++) {
        const char *const row[1][2] = {{LINE[i], LINE[i]}};
        check_rows(r, row, 1);
    }
    redact_close(r);
}

static void own_rules_come_from_a_file(void) {
    static const char *const ROW[][2] = {{"host db-main-eu down", "host <redacted> down"},
                                         {"PROJECT-X and project-y", "<redacted> and <redacted>"},
                                         {"a b", "a b"}};
    char path[] = "/tmp/logclass_redact_XXXXXX";
    struct err e = {0};
    close(mkstemp(path));
    CHECK(file_write(path, SPAN_LIT("# hosts\n\n  db-[a-z]+-[a-z]+\nproject-[xy]\n\\bb\\b|$\n"), &e));
    CHECK(redact_open(path, &e) == NULL); /* matches nothing, so everywhere */
    CHECK(strstr(e.msg, ":5: ") != NULL);
    CHECK(file_write(path, SPAN_LIT("# hosts\n\n  db-[a-z]+-[a-z]+\nproject-[xy]\n\\b\n"), &e));
    struct redact *r = redact_open_rules(path); /* a place without text matches, too: harmless */
    check_rows(r, ROW, 3);
    redact_close(r);
    CHECK(file_write(path, SPAN_LIT("ok\n(open\n"), &e));
    CHECK(redact_open(path, &e) == NULL && strstr(e.msg, ":2: invalid pattern '(open'") != NULL);
    unlink(path);
    CHECK(redact_open(path, &e) == NULL && e.code == ERR_IO);
}

static void long_lines_are_no_trouble(void) {
    static char text[8192];
    struct redact *r = redact_open_rules("");
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < sizeof text; i++) text[i] = "a@=: p"[i % 6];
    redact_run(r, (struct span){text, sizeof text}, &out);
    CHECK(!out.failed);
    buf_release(&out);
    redact_close(r);
}

CHECK_MAIN(CHECK_TEST(secrets_go), CHECK_TEST(nothing_of_a_secret_passes_masking_and_redaction),
           CHECK_TEST(ordinary_lines_stay), CHECK_TEST(own_rules_come_from_a_file),
           CHECK_TEST(long_lines_are_no_trouble))
