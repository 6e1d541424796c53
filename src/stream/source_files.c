/* Files, one after the other, each from its first line to its end. Nothing is remembered from one run to the next: a
 * commit only moves the progress bar. */
#include "base/must.h"
#include "stream/source.h"

struct source_files {
    struct source_opts o;
    size_t next; /* path to open when this one is read */
    struct reader *reader;
    uint64_t lines, odd;
    struct source_progress position[SOURCE_POSITIONS];
};

static void *source_files_open(const struct source_opts *o, struct err *e) {
    (void)e;
    struct source_files *s = must_calloc(1, sizeof *s);
    s->o = *o;
    return s;
}

static void close_file(struct source_files *s) {
    if (s->reader) s->odd += reader_odd_lines(s->reader);
    reader_close(s->reader);
    s->reader = NULL;
}

/* One file's trouble keeps no other from being read. */
static enum source_state files_pass_over(struct source_files *s, struct err *e) {
    if (!s->o.on_trouble) return SOURCE_FAILED;
    s->o.on_trouble(s->o.user, e);
    *e = (struct err){0};
    return s->next < s->o.paths_n ? SOURCE_GOES_ON : SOURCE_END;
}

static enum source_state source_files_read(void *self, struct chunk *c, int wait_ms, struct err *e) {
    struct source_files *s = self;
    if (!c) return SOURCE_GOES_ON; /* files wait for us */
    if (!s->reader && s->next == s->o.paths_n) return SOURCE_END;
    if (!s->reader && !(s->reader = reader_open(s->o.paths[s->next++], &s->o.reader, e))) return files_pass_over(s, e);
    bool ok = reader_next(s->reader, c, wait_ms, e);
    const struct input *in = reader_input(s->reader);
    s->lines += c->batch.n;
    s->position[c->seq % SOURCE_POSITIONS] =
        (struct source_progress){.lines = s->lines, .position = input_position(in), .size = input_size(in)};
    if (!ok || reader_is_ended(s->reader)) close_file(s);
    if (!ok) return files_pass_over(s, e);
    return s->reader || s->next < s->o.paths_n ? SOURCE_GOES_ON : SOURCE_END;
}

static bool source_files_commit(void *self, uint64_t seq, struct err *e) {
    struct source_files *s = self;
    (void)e;
    if (s->o.on_progress) s->o.on_progress(s->o.user, &s->position[seq % SOURCE_POSITIONS]);
    return true;
}

static void source_files_close(void *self) {
    struct source_files *s = self;
    close_file(s);
    free(s);
}

uint64_t source_files_odd_lines(const struct source *s) {
    const struct source_files *files = s->self;
    MUST(s->kind == source_table[SOURCE_FILES]);
    return files->odd + (files->reader ? reader_odd_lines(files->reader) : 0);
}

extern const struct source_kind source_files;
const struct source_kind source_files = {source_files_open, source_files_read, source_files_commit, source_files_close,
                                         NULL};
