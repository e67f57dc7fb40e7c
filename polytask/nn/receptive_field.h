#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace polytask {

class Backbone;
class Head;

/// The input pixels that cell c of a level depends on, along each axis: stride·c − before to stride·c + after.
struct Reach {
  int64_t stride = 1;
  int64_t before = 0;
  int64_t after = 0;
  /// Of a layer whose cell c reads the cells step·c − left to step·c + right of this level.
  Reach then(int64_t left, int64_t right, int64_t step = 1) const {
    return {stride * step, before + left * stride, after + right * stride};
  }
};

/// The cells of a level that something depends on, along each axis.
struct CellSpan {
  int64_t first = 0;
  int64_t last = 0;
};

/// What tiles of an image need so that their outputs are those of the whole image. Along each axis an output pixel
/// depends on no input pixel farther away than `radius`, and moving the origin by a multiple of `stride` moves the
/// output with it. So a tile begins at a multiple of `stride`, and of its outputs those count that are at least
/// `radius` pixels away from its edges, except from edges of the image itself.
struct ReceptiveField {
  int64_t radius = 0;
  int64_t stride = 1;
};

/// Of the output pixels of a head on a backbone, the worst case over all places and levels. None where a pixel depends
/// on the whole image, or on its size, or where one of the two does not say (Backbone::reach, Head::cells).
std::optional<ReceptiveField> receptive_field(const Backbone& backbone, const Head& head);

}  // namespace polytask
