#include <polytask/core/error.h>
#include <polytask/data/sources/raster_options.h>

namespace polytask {
namespace {

template <class Options>
Node resolved(const Node& section) {
  Node node = write_options(read_options<Options>(section));
  node.place = section.place;
  node.path = section.path;
  return node;
}

Node resolve_inputs(const Node& inputs) {
  if (!inputs.is_sequence() || inputs.items().empty())
    throw InputError(
        "{}: expected a list of files with their bands, for example [{{file: <scene>_S1.tif, bands: [1, 2]}}]",
        inputs.where());
  Node list = Node::sequence_of({});
  for (const auto& item : inputs.items()) list.append(resolved<RasterInputOptions>(item));
  list.place = inputs.place;
  list.path = inputs.path;
  return list;
}

Node resolve_layers(const Node& layers) {
  if (!layers.is_map())
    throw InputError("{}: expected layers by name, for example {{height: {{file: <scene>_height.tif, unit: m}}}}",
                     layers.where());
  Node map = Node::map_of();
  for (const auto& [name, section] : layers.entries()) map.set(name, resolved<RasterLayerOptions>(section));
  map.place = layers.place;
  map.path = layers.path;
  return map;
}

}  // namespace

void RasterReading::fields(Fields& f) {
  f.field("nodata", nodata, "stored number that means missing, in place of the file's own (NaN always does)");
  f.field("scale", scale, "in place of the file's: value = stored number · scale + offset");
  f.field("offset", offset, "in place of the file's, as `scale`");
  f.field("valid_min", valid_min, "values below are missing (after scale and offset)");
  f.field("valid_max", valid_max, "values above are missing");
}

void RasterInputOptions::fields(Fields& f) {
  f.field("file", file,
          "a scene's file, below `root`: `<scene>` stands for the scene's name, `*` for anything; several files that "
          "match are averaged pixel by pixel (radar in power), over those that have the pixel",
          required());
  f.field("bands", bands, "bands by number, from 1, or by name; none: all");
  f.field("domain", domain,
          "plain: values as they are; db: backscatter in dB; power: linear backscatter, which is brought to dB: "
          "10·log10(max(value, floor))",
          one_of({"plain", "db", "power"}));
  f.field("floor", floor, "least power that is told apart, so that the logarithm stays finite", above(0));
  reading.fields(f);
}

void RasterLayerOptions::fields(Fields& f) {
  f.field("file", file, "a scene's file, below `root`, with `<scene>`; scenes without that file have no labels of it",
          required());
  f.field("band", band, "band by number, from 1, or by name");
  f.field("classes", classes,
          "the layer holds codes of classes: {1: Acer, 3: Betula}, or a JSON file with {code: name}, {name: code}, a "
          "list of names from code 0, or such tables by site, {HARV: …}, for scenes whose names begin with it");
  f.field("ignore", ignore, "codes (of a layer without classes: values) that are no label");
  f.field("unit", unit, "unit of the values, for reports and maps; none: the file's");
  reading.fields(f);
}

void RasterTileOptions::fields(Fields& f) {
  f.field("tile", tile, "a sample is that many pixels wide and high", at_least(1));
  f.field(
      "tiles", tiles,
      "grid: all over a scene, the last ones moved inside; random: places drawn from the seed (what `parts` gives to "
      "validation and test remains a grid)",
      one_of({"grid", "random"}));
  f.field("stride", stride, "with grid, pixels from one tile to the next; 0: `tile`, no overlap", at_least(0));
  f.field("count", count, "with random, tiles of each scene that are drawn", at_least(0));
  f.field("block", block,
          "scenes are cut into blocks of that many pixels, and no tile crosses their borders: with data.split.group: "
          "block, no pixel is in two parts; 0: a scene is one block",
          at_least(0));
  f.field("gap", gap, "pixels left out between neighbouring blocks", at_least(0));
}

void RasterPartOptions::fields(Fields& f) {
  f.field("train", train, "scenes, or blocks of them by column and row from 0 (\"a/0,2\"), with `*` for anything");
  f.field("validation", validation, "as `train`");
  f.field("test", test, "as `train`");
}

void RasterTileOptions::check() const {
  if (tiles == "random" && stride > 0) throw InputError("data.stride: goes with tiles: grid, not with random");
  if (tiles == "random" && count == 0) throw InputError("data.count: tiles: random needs a number of tiles a scene");
  if (tiles == "grid" && count > 0) throw InputError("data.count: goes with tiles: random, not with grid");
  if (block > 0 && block - gap < tile)
    throw InputError("data.block: a block of {} pixels, {} of them left out by data.gap, holds no tile of {}", block,
                     gap, tile);
  if (block == 0 && gap > 0) throw InputError("data.gap: there are no blocks to leave a gap between: give data.block");
}

void RasterOptions::fields(Fields& f) {
  f.field("root", root, "folder the files are relative to; none: the working directory");
  f.field("scenes", scenes, "names that `<scene>` stands for; none: all for which the first input has a file");
  f.field(
      "inputs", inputs,
      "bands that make up the input `image`, in order: a list of {file: …, bands: […], domain: …, floor: …, nodata: …, "
      "scale: …, offset: …, valid_min: …, valid_max: …}",
      required());
  f.field(
      "layers", layers,
      "labels per pixel by name: {file: …, band: …, classes: …, ignore: […], unit: …, nodata: …, scale: …, offset: …, "
      "valid_min: …, valid_max: …} each");
  f.field("georeference", georeference,
          "check: the files of a scene must agree in size, place and CRS, or lack the same of them; size: only in size",
          one_of({"check", "size"}));
  tiling.fields(f);
  f.section("parts", parts, "what of the data is for training, validation and test; the rest is divided by data.split");
  normalize.fields(f, {"auto", "none"});
  f.field("cache_mb", cache_mb, "tiles are kept in memory up to this size", at_least(0));
  if (!inputs.is_null()) inputs = resolve_inputs(inputs);
  if (!layers.is_null()) layers = resolve_layers(layers);
}

std::vector<RasterInputOptions> RasterOptions::input_list() const {
  std::vector<RasterInputOptions> list;
  for (const auto& item : inputs.items()) list.push_back(read_options<RasterInputOptions>(item));
  return list;
}

std::vector<std::pair<std::string, RasterLayerOptions>> RasterOptions::layer_list() const {
  std::vector<std::pair<std::string, RasterLayerOptions>> list;
  for (const auto& [name, section] : layers.entries())
    list.emplace_back(name, read_options<RasterLayerOptions>(section));
  return list;
}

}  // namespace polytask
