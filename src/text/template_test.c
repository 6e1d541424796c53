#include "text/template.h"

#include "base/check.h"

static struct span template_made(const char *source, const char *message, bool use_source) {
    static char out[TEMPLATE_MAX];
    return (struct span){out, template_write(span_of(source), span_of(message), use_source, out)};
}

static void the_source_stands_before_the_message(void) {
    CHECK_SPAN(template_made("sshd", "session closed", true), "sshd: session closed");
    CHECK_SPAN(template_made("sshd", "session closed", false), "session closed");
    CHECK_SPAN(template_made("", "session closed", true), "session closed");
}

static void long_input_stays_inside(void) {
    char big[10000];
    memset(big, '7', sizeof big);
    for (size_t i = 0; i < sizeof big; i += 2) big[i] = '.';
    big[sizeof big - 1] = '\0';
    CHECK(template_made(big, big, true).n <= TEMPLATE_MAX);
}

CHECK_MAIN(CHECK_TEST(the_source_stands_before_the_message), CHECK_TEST(long_input_stays_inside))
