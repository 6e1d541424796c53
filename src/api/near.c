#include "api/near.h"

void near_put(struct buf *out, struct api *a, const struct words *w, const struct kind_view *v, struct trial *t,
              unsigned n) {
    (void)out, (void)a, (void)w, (void)v, (void)t, (void)n;
}
