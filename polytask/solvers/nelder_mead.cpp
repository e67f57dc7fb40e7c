#include <polytask/solvers/nelder_mead.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

using Point = std::vector<double>;
using Function = std::function<double(const Point&)>;

struct Corner {
  Point x;
  double value;
};

class Simplex {
 public:
  Simplex(const Function& function, const NelderMeadOptions& options, Minimum& result)
      : function_(function), options_(options), result_(result) {}

  void run(const Point& start) {
    begin(start);
    while (result_.evaluations < options_.most_evaluations) {
      std::sort(corners_.begin(), corners_.end(), [](const Corner& a, const Corner& b) { return a.value < b.value; });
      result_.converged = is_small();
      if (result_.converged) break;
      step();
    }
    const auto best = std::min_element(corners_.begin(), corners_.end(),
                                       [](const Corner& a, const Corner& b) { return a.value < b.value; });
    result_.x = best->x;
    result_.value = best->value;
  }

 private:
  Corner corner(Point x) {
    ++result_.evaluations;
    const double value = function_(x);
    return {std::move(x), std::isfinite(value) ? value : std::numeric_limits<double>::infinity()};
  }

  void begin(const Point& start) {
    corners_.assign(1, corner(start));
    for (size_t i = 0; i < start.size(); ++i) {
      Point x = start;
      x[i] += options_.step * std::max(std::abs(x[i]), 1.0);
      corners_.push_back(corner(std::move(x)));
    }
  }

  bool is_small() const {
    const Corner &best = corners_.front(), &worst = corners_.back();
    if (worst.value - best.value > options_.tolerance * (1 + std::abs(best.value))) return false;
    for (const auto& c : corners_)
      for (size_t i = 0; i < c.x.size(); ++i)
        if (std::abs(c.x[i] - best.x[i]) > options_.spread * std::max(std::abs(best.x[i]), 1.0)) return false;
    return true;
  }

  // From the worst corner through the centre of the others: −1 is its mirror image.
  Corner along(double factor) {
    Point x(corners_.front().x.size(), 0.0);
    for (size_t i = 0; i < x.size(); ++i) {
      double centre = 0;
      for (size_t c = 0; c + 1 < corners_.size(); ++c) centre += corners_[c].x[i];
      centre /= static_cast<double>(corners_.size() - 1);
      x[i] = centre + factor * (corners_.back().x[i] - centre);
    }
    return corner(std::move(x));
  }

  void step() {
    Corner reflected = along(-1);
    if (reflected.value < corners_.front().value) {
      Corner expanded = along(-2);
      corners_.back() = expanded.value < reflected.value ? std::move(expanded) : std::move(reflected);
      return;
    }
    if (reflected.value < corners_[corners_.size() - 2].value) {
      corners_.back() = std::move(reflected);
      return;
    }
    const bool outside = reflected.value < corners_.back().value;
    Corner contracted = along(outside ? -0.5 : 0.5);
    if (contracted.value < (outside ? reflected.value : corners_.back().value)) {
      corners_.back() = std::move(contracted);
      return;
    }
    for (size_t c = 1; c < corners_.size(); ++c) {
      Point x = corners_[c].x;
      for (size_t i = 0; i < x.size(); ++i) x[i] = 0.5 * (x[i] + corners_.front().x[i]);
      corners_[c] = corner(std::move(x));
    }
  }

  const Function& function_;
  const NelderMeadOptions& options_;
  Minimum& result_;
  std::vector<Corner> corners_;
};

}  // namespace

Minimum minimise_nelder_mead(const Function& function, const Point& start, const NelderMeadOptions& options) {
  Minimum result;
  Simplex(function, options, result).run(start);
  for (int64_t restart = 0; restart < options.most_restarts; ++restart) {
    const double before = result.value;
    const Point from = result.x;
    Simplex(function, options, result).run(from);
    if (before - result.value <= options.tolerance * (1 + std::abs(before))) break;
  }
  return result;
}

}  // namespace polytask
