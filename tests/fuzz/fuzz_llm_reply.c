/* Any bytes as a chat endpoint's answer: a label of the set with a confidence in [0, 1], or an error that says so. */
#include "base/must.h"
#include "llm/openai.h"
#include "llm/llm_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span body = {(const char *)data, size};
    const struct label_set *labels = label_default();
    struct err e = {0};
    struct llm_response r;
    llm_response_read(body, labels, &r, &e);
    MUST((r.kind == LLM_RESPONSE_LABEL) == (e.code == ERR_OK));
    if (r.kind == LLM_RESPONSE_LABEL) MUST(r.label < labels->n && r.confidence >= 0 && r.confidence <= 1);
    MUST(llm_response_label(body, labels) < (int)labels->n);
    char code[64];
    llm_response_error_code(body, code, sizeof code);
    MUST(strlen(code) < sizeof code);
    struct openai_form form = openai_form_first(OPENAI_AUTO, "");
    for (int i = 0; i < 20; i++) openai_form_reduce(&form, body, i % 2);
    return 0;
}
