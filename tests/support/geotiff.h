#pragma once
#include <gdal_priv.h>
#include <ogr_spatialref.h>

#include <ATen/ATen.h>

#include <array>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace polytask {

/// A GeoTIFF as users' tools write them, made by GDAL itself. `values`: [bands, height, width], or [height, width].
struct TestTiff {
  at::Tensor values;
  GDALDataType type = GDT_Float32;
  int epsg = 32633;  ///< 0: no CRS
  std::optional<std::array<double, 6>> transform = {{500000, 10, 0, 6000000, 0, -10}};
  std::optional<double> nodata = {};
  double scale = 1, offset = 0;
  std::vector<std::string> names = {}, creation = {};  ///< of bands; "COMPRESS=DEFLATE"
};

inline std::string write_tiff(const std::filesystem::path& path, const TestTiff& tiff) {
  GDALAllRegister();
  at::Tensor values = tiff.values.dim() == 2 ? tiff.values.unsqueeze(0) : tiff.values;
  values = values.to(at::kDouble).contiguous();
  const auto bands = static_cast<int>(values.size(0)), height = static_cast<int>(values.size(1)),
             width = static_cast<int>(values.size(2));
  CPLStringList options;
  for (const auto& option : tiff.creation) options.AddString(option.c_str());
  std::filesystem::create_directories(path.parent_path());
  GDALDatasetUniquePtr dataset(GetGDALDriverManager()->GetDriverByName("GTiff")->Create(
      path.c_str(), width, height, bands, tiff.type, options.List()));
  if (!dataset) throw std::runtime_error("GDAL made no " + path.string());
  if (auto transform = tiff.transform) dataset->SetGeoTransform(transform->data());
  if (tiff.epsg != 0) {
    OGRSpatialReference crs;
    crs.importFromEPSG(tiff.epsg);
    dataset->SetSpatialRef(&crs);
  }
  for (int b = 1; b <= bands; ++b) {
    GDALRasterBand& band = *dataset->GetRasterBand(b);
    if (tiff.nodata) band.SetNoDataValue(*tiff.nodata);
    if (tiff.scale != 1) band.SetScale(tiff.scale);
    if (tiff.offset != 0) band.SetOffset(tiff.offset);
    if (!tiff.names.empty()) band.SetDescription(tiff.names.at(static_cast<size_t>(b) - 1).c_str());
    if (band.RasterIO(GF_Write, 0, 0, width, height, values[b - 1].data_ptr<double>(), width, height, GDT_Float64, 0, 0,
                      nullptr) != CE_None)
      throw std::runtime_error("GDAL wrote no " + path.string());
  }
  return path.string();
}

/// Keeps the first half of a file.
inline void truncate_file(const std::filesystem::path& path) {
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
}

}  // namespace polytask
