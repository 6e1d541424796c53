#include "data/field.h"

#include <yyjson.h>

static const struct field_name {
    enum field field;
    const char *name;
} NAMES[] = {
#define FIELD(id, name) {FIELD_##id, name},
#include "data/field.def"
#undef FIELD
};
enum { NAMES_N = sizeof NAMES / sizeof NAMES[0] };

/* The member of this name; of several the last. */
static yyjson_val *last_member(yyjson_val *object, const char *name, size_t n) {
    yyjson_obj_iter it;
    yyjson_val *found = NULL;
    if (!yyjson_obj_iter_init(object, &it)) return NULL; /* no object */
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL;)
        if (yyjson_equals_strn(key, name, n)) found = yyjson_obj_iter_get_val(key);
    return found;
}

struct yyjson_val *field_at(struct yyjson_val *object, const char *path) {
    yyjson_val *v = last_member(object, path, strlen(path));
    const char *point = v ? NULL : strchr(path, '.');
    if (!point) return v;
    yyjson_val *inside = last_member(object, path, (size_t)(point - path));
    return yyjson_is_obj(inside) ? field_at(inside, point + 1) : NULL;
}

struct span field_in_object(struct yyjson_val *object, enum field f) {
    for (unsigned i = 0; i < NAMES_N; i++) {
        yyjson_val *v = NAMES[i].field == f ? field_at(object, NAMES[i].name) : NULL;
        if (yyjson_is_str(v)) return (struct span){yyjson_get_str(v), yyjson_get_len(v)};
    }
    return (struct span){0};
}

int field_in_header(const struct csv_row *header, enum field f) {
    for (unsigned i = 0; i < NAMES_N; i++) {
        int at = NAMES[i].field == f ? csv_find(header, NAMES[i].name) : -1;
        if (at >= 0) return at;
    }
    return -1;
}

void field_list(struct buf *out, enum field f) {
    const char *before = NULL;
    unsigned n = 0;
    for (unsigned i = 0; i < NAMES_N; i++) {
        if (NAMES[i].field != f) continue;
        if (before) buf_printf(out, "%s%s", n++ ? ", " : "", before);
        before = NAMES[i].name;
    }
    buf_printf(out, "%s%s", n ? " or " : "", before);
}
