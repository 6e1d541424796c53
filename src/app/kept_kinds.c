#include "app/kept_kinds.h"

#include "app/inventory.h"
#include "app/review.h"

#include <time.h>
#include <unistd.h>

bool kept_kinds_read_words(struct kept_kinds *k, struct err *e) {
    struct corrections c;
    bool ok = corrections_read(&c, k->corrections, e);
    if (ok) book_set_words(&k->book, words_open(&c));
    corrections_release(&c);
    return ok;
}

bool kept_kinds_open(struct kept_kinds *k, struct err *e) {
    static const struct kinds_opts OPTS = {.max = 1000000};
    char path[PATH_MAX];
    *k = (struct kept_kinds){0};
    book_init(&k->book);
    book_open(&k->book, &OPTS);
    kinds_tick(k->book.kinds, (uint32_t)time(NULL));
    if (!inventory_path(path) || !review_path(k->corrections))
        return err_set(e, ERR_IO, "no state directory with kinds of line: set HOME, XDG_STATE_HOME or STATE_DIRECTORY");
    if (access(path, F_OK) != 0)
        return err_set(e, ERR_INPUT, "%s: there is none yet; 'logclass serve' and 'logclass run' keep it", path);
    k->store = kinds_store_open(path, e);
    return k->store && kinds_store_load(k->store, &k->book, e) && kept_kinds_read_words(k, e);
}

void kept_kinds_close(struct kept_kinds *k) {
    kinds_store_close(k->store);
    book_release(&k->book);
}
