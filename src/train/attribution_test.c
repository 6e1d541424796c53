#include "train/attribution.h"

#include "base/check.h"
#include "base/must.h"
#include "text/mask.h"

static void the_word_that_made_the_label_is_named(void) {
    struct err err = {0};
    struct encoder_opts o = {.model_dir = "models/all-MiniLM-L6-v2", .adapter_path = "data/adapter.safetensors"};
    struct encoder *enc = encoder_open(&o, &err);
    struct head *h = head_open("data/head.json", &err);
    if (!enc || !h) fprintf(stderr, "%s\n", err.msg);
    MUST(enc && h);
    struct encoder_scratch *s = encoder_scratch_open(enc);
    int backup = label_find(head_labels(h), SPAN_LIT("BACKUP"));
    struct buf out;
    buf_init(&out, 1 << 16);
    attribution_put(&out, enc, s, h, SPAN_LIT("the backup of # files has ended"), (unsigned)backup);
    buf_putc(&out, '\0');
    CHECK(strncmp(out.p, "backup -0.", 10) == 0);
    buf_reset(&out);
    attribution_put(&out, enc, s, h, SPAN_LIT(""), (unsigned)backup);
    CHECK_INT(out.n, 0);
    static char longest[MASK_OUTPUT_MAX]; /* as many words as there can be: no more than REASON_WORDS_MAX are tried */
    for (size_t i = 0; i < sizeof longest; i++) longest[i] = i % 2 ? ' ' : 'x';
    attribution_put(&out, enc, s, h, (struct span){longest, sizeof longest}, (unsigned)backup);
    buf_release(&out);
    encoder_scratch_close(s);
    head_close(h);
    encoder_close(enc);
}

CHECK_MAIN(CHECK_TEST(the_word_that_made_the_label_is_named))
