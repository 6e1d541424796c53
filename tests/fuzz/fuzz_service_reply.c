/* Any bytes as a service's answer, as a message to ask about, and as headers that tell us to wait. */
#include "base/must.h"
#include "remote/retry_after.h"
#include "remote/service_json.h"

#include <stdlib.h>
#include <yyjson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_wait(int64_t ms) {
    MUST(ms >= RETRY_AFTER_NONE && ms <= RETRY_AFTER_MS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span body = {(const char *)data, size};
    const struct label_set *labels = label_default();
    struct err e = {0};
    struct service_json_answer a;
    if (service_json_read_answer(body, labels, &a, &e))
        MUST(a.label < labels->n && a.confidence >= 0 && a.confidence <= 1);
    else
        MUST(e.code == ERR_DECODE);

    struct buf question;
    buf_init(&question, 16 * size + 64);
    service_json_write_question(&question, body, body);
    MUST(!question.failed);
    yyjson_doc *doc = yyjson_read(question.p, question.n, 0); /* refuses invalid UTF-8, too */
    MUST(doc != NULL && yyjson_is_str(yyjson_obj_get(yyjson_doc_get_root(doc), "message")));
    yyjson_doc_free(doc);
    buf_release(&question);

    char *text = strndup(body.p ? body.p : "", size);
    MUST(text != NULL);
    check_wait(retry_after_ms(text, 1700000000));
    check_wait(retry_after_duration_ms(text));
    free(text);
    return 0;
}
