#include "llm/pseudonym.h"

#include "base/check.h"
#include "llm/redact.h"
#include "llm/redact_scan.h"

#include <stdlib.h>
#include <unistd.h>

/* The text with what is marked as it is told from the rest: a user as <U>, a host as <H>. */
static void check_marks(const struct pseudonyms *p, const char *text, const char *want) {
    unsigned char mark[400];
    char got[400];
    size_t n = strlen(text), to = 0;
    redact_scan(span_of(text), mark);
    pseudonym_scan(p, span_of(text), mark);
    for (size_t i = 0; i < n; i++) {
        bool begins = i == 0 || mark[i] != mark[i - 1];
        if (mark[i] == REDACT_KEEP)
            got[to++] = text[i];
        else if (begins)
            to += (size_t)snprintf(got + to, sizeof got - to, "<%c>", "?SECUH"[mark[i]]);
    }
    got[to] = '\0';
    CHECK_STR(got, want);
}

static void names_are_known_by_their_places(void) {
    static const char *const ROW[][2] = {
        {"user judith renamed the report", "user <U> renamed the report"},
        {"backup by operator gustav done", "backup by operator <U> done"},
        {"owner=carol host=<host> file=<path>", "owner=<U> host=<host> file=<path>"},
        {"{\"created_by\":\"carol\",\"size\":#}", "{\"created_by\":\"<U>\",\"size\":#}"},
        {"su: kim to root on tty#", "su: <U> to root on tty#"},
        {"login of jane@corp refused by dc#", "login of <U>@<H> refused by <H>"},
        {"CORP\\erin locked out on WKS-#", "<H>\\<U> locked out on <H>"},
        {"uid=#(frank) gid=#(staff)", "uid=#(<U>) gid=#(<U>)"},
        {"session opened for user <user> on web-#", "session opened for user <user> on <H>"},
        {"no answer from mail.corp.", "no answer from <H>."},
        {"broker: kafka-a.internal is gone", "broker: <H> is gone"},
        /* what is no name */
        {"user not found", "user not found"},
        {"user account locked", "user account locked"},
        {"server started on port #", "server started on port #"},
        {"written to disk# by worker-#", "written to disk# by worker-#"},
        {"rebuilt with python#", "rebuilt with python#"},
        {"User interface ready at #.#", "User interface ready at #.#"},
        {"failed\\nagain", "failed\\nagain"},
        {"mail to <email> from <ip>", "mail to <email> from <ip>"},
        {"superuser jobs on time", "superuser jobs on time"},
        {"owner: password=x", "owner: password=<S>"},
    };
    static struct pseudonyms p;
    pseudonym_open(&p, "/dev/null", 1);
    p.own_n = 0; /* whatever the machine is called that the test runs on */
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) check_marks(&p, ROW[i][0], ROW[i][1]);
}

static void this_machines_names_are_hidden_wherever_they_stand(void) {
    char path[] = "/tmp/logclass_passwd_XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs("root:x:0:0::/root:/bin/sh\nwilma:x:1000:1000::/home/wilma:/bin/bash\nmail:x:8:8::/:/usr/sbin/nologin\n"
          "runner:x:1001:1001::/:/usr/sbin/nologin\nnobody:x:65534:65534::/:/bin/sh\nab:x:1002:1002::/:/bin/sh\n",
          f);
    fclose(f);
    static struct pseudonyms p;
    pseudonym_open(&p, path, 1);
    check_marks(&p, "wilma: root sent mail; runner, nobody and ab slept; Wilma, wilmas",
                "<U>: root sent mail; runner, nobody and ab slept; <U>, wilmas");
    char host[256] = "", text[300], want[300];
    CHECK(gethostname(host, sizeof host - 1) == 0);
    snprintf(text, sizeof text, "%s went down", host);
    snprintf(want, sizeof want, "%s went down", strlen(host) < 3 ? host : "<H>");
    if (!strpbrk(host, "_@\\")) check_marks(&p, text, want);
    unlink(path);
}

/* One name, one pseudonym, whatever the case and the line; with another key another. */
static void one_name_has_one_pseudonym(void) {
    struct err e = {0};
    struct buf out[4];
    static const char *const TEXT[] = {"user Judith left", "user judith came", "user judith came", "user kathrin came"};
    for (int i = 0; i < 4; i++) {
        struct redact *r = redact_open("", &e);
        redact_pseudonyms(r, i == 2 ? 7 : 6);
        buf_init(&out[i], 100);
        redact_run(r, span_of(TEXT[i]), &out[i]);
        redact_close(r);
    }
    CHECK(out[0].n == strlen("user user-123456 left") && memcmp(out[0].p, "user user-", 10) == 0);
    CHECK(memcmp(out[0].p, out[1].p, 16) == 0);
    CHECK(memcmp(out[1].p, out[2].p, 16) != 0 && memcmp(out[1].p, out[3].p, 16) != 0);
    for (int i = 0; i < 4; i++) buf_release(&out[i]);
}

CHECK_MAIN(CHECK_TEST(names_are_known_by_their_places), CHECK_TEST(this_machines_names_are_hidden_wherever_they_stand),
           CHECK_TEST(one_name_has_one_pseudonym))
