#include "text/container.h"

enum { CRI_TIME_MIN = 20 /* "2026-01-31T10:00:00Z" */, CRI_TIME_MAX = 40, ID_BYTES = 64 };

static struct span container_word(struct span *s, char end) {
    const char *at = s->n ? memchr(s->p, end, s->n) : NULL;
    size_t n = at ? (size_t)(at - s->p) : s->n;
    struct span word = span_sub(*s, 0, n);
    *s = span_sub(*s, at ? n + 1 : n, s->n);
    return word;
}

static bool looks_like_time(struct span t) {
    return t.n >= CRI_TIME_MIN && t.n <= CRI_TIME_MAX && t.p[0] >= '0' && t.p[0] <= '9' && t.p[4] == '-' &&
           t.p[7] == '-' && t.p[10] == 'T' && t.p[13] == ':' && t.p[16] == ':';
}

bool container_parse_cri(struct span line, struct container_line *out) {
    if (line.n < CRI_TIME_MIN || line.p[0] < '0' || line.p[0] > '9' || line.p[10] != 'T') return false;
    out->time = container_word(&line, ' ');
    out->stream = container_word(&line, ' ');
    struct span tags = container_word(&line, ' ');
    bool stream = span_eq(out->stream, SPAN_LIT("stdout")) || span_eq(out->stream, SPAN_LIT("stderr"));
    struct span tag = container_word(&tags, ':');
    out->partial = span_eq(tag, SPAN_LIT("P"));
    out->text = line;
    return looks_like_time(out->time) && stream && (out->partial || span_eq(tag, SPAN_LIT("F")));
}

bool container_is_docker(struct span line) {
    return line.n > 20 && span_starts(line, SPAN_LIT("{\"log\":\"")) && line.p[line.n - 1] == '}' &&
           memmem(line.p, line.n, "\"stream\":\"std", 13) && memmem(line.p, line.n, "\"time\":\"", 8);
}

static bool is_id(struct span s) {
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) return false;
    return s.n == ID_BYTES;
}

/* What follows the folder in the path; p == NULL: it is not under it. */
static struct span path_below(struct span path, const char *folder) {
    size_t n = strlen(folder);
    return span_starts(path, span_of(folder)) ? span_sub(path, n, path.n) : (struct span){0};
}

bool container_parse_path(struct span path, struct container_path *out) {
    *out = (struct container_path){0};
    struct span rest = path_below(path, "/var/log/pods/");
    if (rest.p) {
        struct span pod = container_word(&rest, '/');
        out->namespace = container_word(&pod, '_');
        out->pod = container_word(&pod, '_');
        out->uid = pod;
        out->container = container_word(&rest, '/');
        out->restarts = container_word(&rest, '.');
        return out->uid.n > 0 && out->container.n > 0 && out->restarts.n > 0;
    }
    rest = path_below(path, "/var/log/containers/");
    if (rest.p) {
        out->pod = container_word(&rest, '_');
        out->namespace = container_word(&rest, '_');
        size_t dot = rest.n > 4 ? rest.n - 4 : 0;
        struct span name = span_sub(rest, 0, dot);
        if (name.n < ID_BYTES + 2 || !is_id(span_sub(name, name.n - ID_BYTES, name.n))) return false;
        out->id = span_sub(name, name.n - ID_BYTES, name.n);
        out->container = span_sub(name, 0, name.n - ID_BYTES - 1);
        return true;
    }
    rest = path_below(path, "/var/lib/docker/containers/");
    if (!rest.p) return false;
    out->id = container_word(&rest, '/');
    return is_id(out->id);
}
