#include "remote/service_json.h"

#include "base/json_out.h"
#include "text/utf8.h"

#include <stdint.h>
#include <yyjson.h>

void service_json_write_string(struct buf *out, struct span s) {
    if (utf8_valid(s) == s.n) {
        json_out_string(out, s);
        return;
    }
    struct buf repaired;
    buf_init(&repaired, SIZE_MAX / 2);
    char *to = buf_reserve(&repaired, 3 * s.n);
    if (to)
        json_out_string(out, (struct span){to, utf8_repair(s, to)});
    else
        out->failed = true;
    buf_release(&repaired);
}

void service_json_write_question(struct buf *out, struct span message, struct span source) {
    buf_puts(out, "{\"message\":");
    service_json_write_string(out, message);
    if (source.n > 0) {
        buf_puts(out, ",\"source\":");
        service_json_write_string(out, source);
    }
    buf_putc(out, '}');
}

/* The members we read; of equal names the last stays. */
struct members {
    yyjson_val *id, *label, *confidence;
};

static struct members members_of(yyjson_val *object) {
    struct members m = {0};
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, n, key, value) {
        if (yyjson_equals_str(key, "label_id"))
            m.id = value;
        else if (yyjson_equals_str(key, "label"))
            m.label = value;
        else if (yyjson_equals_str(key, "confidence"))
            m.confidence = value;
    }
    return m;
}

static bool read_members(yyjson_val *object, const struct label_set *labels, struct service_json_answer *out,
                         struct err *e) {
    struct members m = members_of(object);
    if (!yyjson_is_str(m.id) || !yyjson_is_str(m.label) || !yyjson_is_num(m.confidence))
        return err_set(e, ERR_DECODE, "expected the strings label_id and label, and the number confidence");
    int label = label_find(labels, (struct span){yyjson_get_str(m.id), yyjson_get_len(m.id)});
    if (label < 0) return err_set(e, ERR_DECODE, "the label_id is not in the label set");
    double confidence = yyjson_get_num(m.confidence);
    if (!(confidence >= 0 && confidence <= 1)) return err_set(e, ERR_DECODE, "the confidence is not in [0, 1]");
    *out = (struct service_json_answer){.label = (unsigned)label, .confidence = confidence};
    return true;
}

bool service_json_read_answer(struct span body, const struct label_set *labels, struct service_json_answer *out,
                              struct err *e) {
    yyjson_doc *doc = body.n ? yyjson_read(body.p, body.n, YYJSON_READ_NOFLAG) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool ok = yyjson_is_obj(root) ? read_members(root, labels, out, e)
                                  : err_set(e, ERR_DECODE, "the answer is not a JSON object");
    yyjson_doc_free(doc);
    return ok;
}
