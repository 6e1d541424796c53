/* Any bytes as a template on its way out: what is sent is valid UTF-8 without control characters, and short. */
#include "base/must.h"
#include "llm/prompt.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct redact *redact;
    struct err e;
    if (!redact) redact = redact_open("", &e);
    struct buf out;
    buf_init(&out, 1 << 20);
    prompt_line(redact, (struct span){(const char *)data, size < 8192 ? size : 8192}, &out);
    struct span line = buf_span(&out);
    MUST(!out.failed && line.n <= PROMPT_LINE_MAX && utf8_valid(line) == line.n);
    for (size_t i = 0; i < line.n; i++) MUST((unsigned char)line.p[i] >= 0x20 && line.p[i] != 0x7f);
    buf_release(&out);
    return 0;
}
