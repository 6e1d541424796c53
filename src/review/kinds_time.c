/* The inventory's time: hours, days, states, and the sweep. */
#include "base/must.h"
#include "review/kinds_internal.h"

#include <math.h>
#include <string.h>

enum { HOUR_S = 3600, BYTE_STEPS = 256 };

static const double STEP = 1.12; /* half of it is the error */

/* Of each byte; made once. */
static struct {
    pthread_once_t once;
    uint32_t lines[BYTE_STEPS];
} byte_table = {.once = PTHREAD_ONCE_INIT};

static void fill_bytes(void) {
    for (int i = 1; i < BYTE_STEPS; i++) {
        double lines = pow(STEP, i - 1);
        byte_table.lines[i] = lines < 4e9 ? (uint32_t)(lines + 0.5) : UINT32_MAX;
    }
}

uint32_t kind_lines_of(uint8_t byte) {
    pthread_once(&byte_table.once, fill_bytes);
    return byte_table.lines[byte];
}

uint8_t kind_byte_of(uint32_t lines) {
    if (lines == 0) return 0;
    double step = log(lines) / log(STEP) + 1.5;
    return step < BYTE_STEPS - 1 ? (uint8_t)step : BYTE_STEPS - 1;
}

/* ---- counting ---- */

static uint32_t add_to(uint32_t a, uint32_t b) {
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void kind_add(struct kinds *k, struct kinds_shard *sh, uint32_t slot, uint32_t n) {
    struct kind *c = &sh->kind[slot];
    uint32_t now = atomic_load_explicit(&k->now_s, memory_order_relaxed);
    bool silent = now > c->last && now - c->last >= KINDS_SILENT_S;
    if (silent && c->lines > 0 && c->state == KIND_KNOWN) c->state = KIND_RETURNED, c->state_at = now;
    c->lines += n;
    c->last = now;
    c->this_hour = add_to(c->this_hour, n);
    c->unwritten = add_to(c->unwritten, n);
    if (sh->untold) sh->untold[slot] = add_to(sh->untold[slot], n);
    c->flags |= KIND_FLAG_USED;
}

/* ---- the end of an hour ---- */

static uint32_t lines_of_day(const struct kind_past *p, uint32_t hour) {
    uint32_t sum = 0;
    for (uint32_t h = hour - hour % KINDS_HOURS; h <= hour; h++)
        sum = add_to(sum, kind_lines_of(p->hour[h % KINDS_HOURS]));
    return sum;
}

/* Hour `hour` ends, with `lines`. */
static void end_hour(struct kind_past *p, uint32_t hour, uint32_t lines) {
    uint8_t code = kind_byte_of(lines), *peak = &p->peak[hour / KINDS_HOURS % KINDS_DAYS];
    if (hour % KINDS_HOURS == 0) *peak = 0;
    if (*peak < code) *peak = code;
    p->hour[hour % KINDS_HOURS] = code;
    if (lines > 0) {
        p->steady = p->quiet ? 1 : (uint8_t)(p->steady + (p->steady < UINT8_MAX));
        p->quiet = 0;
    } else {
        p->quiet = (uint8_t)(p->quiet + (p->quiet < UINT8_MAX));
    }
    if (hour % KINDS_HOURS == KINDS_HOURS - 1)
        p->day[hour / KINDS_HOURS % KINDS_DAYS] = kind_byte_of(lines_of_day(p, hour));
}

void kind_roll(struct kind *c, struct kind_past *p, uint32_t from, uint32_t to) {
    if (to - from > KINDS_HOURS * KINDS_DAYS) {
        *p = (struct kind_past){0};
        c->this_hour = 0;
        from = to;
    }
    for (uint32_t h = from; h < to; h++) {
        end_hour(p, h, c->this_hour);
        c->this_hour = 0;
    }
    c->silent = p->steady >= KINDS_STEADY_H && p->quiet >= KINDS_QUIET_H && p->quiet <= KINDS_QUIET_MAX_H;
    c->before = 0;
    for (uint32_t h = 1; h < KINDS_HOURS; h++)
        c->before = add_to(c->before, kind_lines_of(p->hour[(to - h) % KINDS_HOURS]));
    if (c->before > 0) c->flags |= KIND_FLAG_DIRTY;
}

/* ---- states ---- */

static uint32_t busiest_hour(const struct kind_past *p) {
    uint8_t most = 0;
    for (unsigned i = 0; i < KINDS_DAYS; i++)
        if (most < p->peak[i]) most = p->peak[i];
    return kind_lines_of(most);
}

/* Kinds younger than a week have little to be compared with (section on bursts of docs/review.md). */
static bool kind_is_rising(const struct kinds *k, const struct kind *c, const struct kind_past *p, uint32_t now) {
    enum { YOUNG_TIMES = 10, WEEK_S = 7 * 24 * HOUR_S };
    uint32_t most = busiest_hour(p);
    uint64_t times = now - c->first < WEEK_S ? YOUNG_TIMES : k->o.rise;
    return most > 0 && c->this_hour >= KINDS_RISING_MIN && c->this_hour > times * most;
}

static void note_rise(struct kinds *k, const struct kind *c, const struct kind_past *p, uint32_t now) {
    pthread_mutex_lock(&k->rises_lock);
    k->rise[k->rises++ % KINDS_RISES_MAX] = (struct kinds_rise){c->id, now, c->this_hour, busiest_hour(p)};
    pthread_mutex_unlock(&k->rises_lock);
}

unsigned kinds_rises(struct kinds *k, struct kinds_rise *out) {
    pthread_mutex_lock(&k->rises_lock);
    unsigned n = k->rises < KINDS_RISES_MAX ? k->rises : KINDS_RISES_MAX;
    for (unsigned i = 0; i < n; i++) out[i] = k->rise[(k->rises - 1 - i) % KINDS_RISES_MAX];
    pthread_mutex_unlock(&k->rises_lock);
    return n;
}

static void look_at_state(struct kinds *k, struct kind *c, const struct kind_past *p, uint32_t now) {
    enum kind_state next = (enum kind_state)c->state;
    bool day_over = now - c->state_at >= KINDS_NEW_S, muted = next == KIND_MUTED;
    if (muted && c->state_at && now >= c->state_at) next = KIND_KNOWN; /* until then; 0: until it rises */
    if ((next == KIND_NEW || next == KIND_RISING || next == KIND_RETURNED) && day_over) next = KIND_KNOWN;
    if (next != KIND_RISING && next != KIND_NEW && kind_is_rising(k, c, p, now)) next = KIND_RISING;
    if (next == (enum kind_state)c->state) return;
    if (next == KIND_RISING) note_rise(k, c, p, now);
    c->state = (uint8_t)next;
    c->state_at = now;
    c->flags |= KIND_FLAG_DIRTY;
}

/* ---- time goes on ---- */

static void shard_tick(struct kinds *k, struct kinds_shard *sh, uint32_t from, uint32_t to, uint32_t now) {
    pthread_mutex_lock(&sh->lock);
    for (uint32_t i = 0; i < sh->top; i++) {
        struct kind *c = &sh->kind[i];
        if (!c->text) continue;
        if (to > from) kind_roll(c, &sh->past[i], from, to);
        look_at_state(k, c, &sh->past[i], now);
    }
    pthread_mutex_unlock(&sh->lock);
}

void kinds_tick(struct kinds *k, uint32_t now_s) {
    uint32_t before = atomic_load(&k->now_s), hour = now_s / HOUR_S, from = k->hour ? k->hour : hour;
    if (now_s < before) now_s = before, hour = now_s / HOUR_S; /* a clock that was set back */
    atomic_fetch_add(&k->turn, 1);
    atomic_store(&k->now_s, now_s);
    if (hour == from && now_s / 60 == before / 60 && k->hour) return;
    k->hour = hour;
    for (unsigned i = 0; i < KINDS_SHARDS; i++) shard_tick(k, &k->shard[i], from, hour, now_s);
}

uint32_t kinds_now(const struct kinds *k) {
    return atomic_load(&k->now_s);
}

unsigned kinds_turn(const struct kinds *k) {
    return atomic_load_explicit(&k->turn, memory_order_relaxed);
}

/* ---- the sweep ---- */

/* Puts list `from` before list `to`. */
static void move_list(struct kinds_shard *sh, uint32_t *from, uint32_t *to) {
    while (*from != KIND_NONE) {
        uint32_t slot = *from;
        *from = sh->kind[slot].state_at;
        sh->kind[slot].state_at = *to;
        *to = slot;
    }
}

bool kinds_sweep_begin(struct kinds *k) {
    bool any = false;
    for (unsigned i = 0; i < KINDS_SHARDS; i++) {
        pthread_mutex_lock(&k->shard[i].lock);
        move_list(&k->shard[i], &k->shard[i].dying, &k->shard[i].dead);
        any |= k->shard[i].dead != KIND_NONE;
        pthread_mutex_unlock(&k->shard[i].lock);
    }
    return any;
}

void kinds_sweep_end(struct kinds *k) {
    for (unsigned i = 0; i < KINDS_SHARDS; i++) {
        pthread_mutex_lock(&k->shard[i].lock);
        move_list(&k->shard[i], &k->shard[i].dead, &k->shard[i].free);
        pthread_mutex_unlock(&k->shard[i].lock);
    }
}

/* ---- views ---- */

static const char *const STATE_NAMES[KIND_STATES] = {"known", "new", "rising", "returned", "muted"};

const char *kind_state_name(enum kind_state s) {
    return STATE_NAMES[s];
}

int kind_state_find(struct span name) {
    for (int i = 0; i < KIND_STATES; i++)
        if (span_eq(name, span_of(STATE_NAMES[i]))) return i;
    return -1;
}

void kinds_view(const struct kinds *k, uint32_t shard, uint32_t slot, struct kind_view *v) {
    const struct kind *c = &k->shard[shard].kind[slot];
    v->id = c->id;
    v->text = (struct span){c->text, c->text_n};
    v->lines = c->lines;
    v->lines_1h = c->this_hour;
    v->lines_24h = add_to(c->this_hour, c->before);
    v->first = c->first, v->last = c->last, v->state_at = c->state_at;
    v->number = kind_number(shard, slot, c);
    v->family = k->shard[shard].family[slot];
    v->message_at = c->message_at, v->p1 = c->p1, v->p2 = c->p2;
    v->label = c->label, v->stage = c->stage, v->best = c->best, v->second = c->second;
    v->state = (enum kind_state)c->state;
    v->by_rule = c->flags & KIND_FLAG_BY_RULE;
    v->redacted = c->flags & KIND_FLAG_REDACTED;
    v->kept = c->flags & KIND_FLAG_KEPT;
    v->silent = c->silent && c->this_hour == 0;
}

void kinds_each(struct kinds *k, void (*each)(void *self, struct kind_view *v), void *self) {
    struct kind_view v;
    memset(&v, 0, sizeof v);
    for (uint32_t s = 0; s < KINDS_SHARDS; s++) {
        struct kinds_shard *sh = &k->shard[s];
        pthread_mutex_lock(&sh->lock);
        for (uint32_t i = 0; i < sh->top; i++) {
            if (!sh->kind[i].text) continue;
            kinds_view(k, s, i, &v);
            each(self, &v);
        }
        pthread_mutex_unlock(&sh->lock);
    }
}

static void view_past(const struct kinds *k, const struct kind *c, const struct kind_past *p, struct kind_view *v) {
    uint32_t today = k->hour / KINDS_HOURS, sum = c->this_hour;
    for (uint32_t i = 1; i < KINDS_HOURS; i++)
        v->hour[KINDS_HOURS - 1 - i] = kind_lines_of(p->hour[(k->hour - i) % KINDS_HOURS]);
    for (uint32_t i = 1; i < KINDS_DAYS; i++)
        v->day[KINDS_DAYS - 1 - i] = kind_lines_of(p->day[(today - i) % KINDS_DAYS]);
    for (uint32_t h = today * KINDS_HOURS; h < k->hour; h++) sum = add_to(sum, kind_lines_of(p->hour[h % KINDS_HOURS]));
    v->busiest = busiest_hour(p);
    v->hour[KINDS_HOURS - 1] = c->this_hour;
    v->day[KINDS_DAYS - 1] = sum;
}

bool kinds_find(struct kinds *k, uint64_t id, struct kind_view *v, char *text) {
    struct kinds_shard *sh;
    uint32_t slot = kinds_lock_id(k, id, &sh);
    if (slot == KIND_NONE) return false;
    kinds_view(k, (uint32_t)(sh - k->shard), slot, v);
    view_past(k, &sh->kind[slot], &sh->past[slot], v);
    memcpy(text, v->text.p, v->text.n);
    v->text.p = text;
    pthread_mutex_unlock(&sh->lock);
    return true;
}

void kinds_figures(struct kinds *k, struct kinds_figures *f) {
    *f = (struct kinds_figures){.kinds_max = k->o.max, .entered = atomic_load(&k->entered)};
    for (unsigned i = 0; i < KINDS_SHARDS; i++) {
        pthread_mutex_lock(&k->shard[i].lock);
        f->kinds += k->shard[i].n;
        f->forgotten += k->shard[i].forgotten;
        pthread_mutex_unlock(&k->shard[i].lock);
    }
    f->seen = kinds_bloom_estimate(&k->bloom);
}

void kinds_count_entered(struct kinds *k) {
    uint64_t n = 0;
    if (atomic_exchange(&k->counts, true)) return;
    for (unsigned s = 0; s < KINDS_SHARDS; s++) {
        struct kinds_shard *sh = &k->shard[s];
        pthread_mutex_lock(&sh->lock);
        for (uint32_t i = 0; i < sh->top; i++) {
            const struct kind *c = &sh->kind[i];
            if (!c->text || c->state != KIND_NEW || (c->flags & KIND_FLAG_STORED)) continue;
            atomic_fetch_add(&k->entered_by[c->label], 1);
            n++;
        }
        pthread_mutex_unlock(&sh->lock);
    }
    atomic_fetch_add(&k->entered, n);
}
