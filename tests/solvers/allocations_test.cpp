#include <polytask/solvers/conflict_averse.h>
#include <polytask/solvers/min_norm.h>
#include <polytask/solvers/orthant_qp.h>
#include <polytask/solvers/power_newton.h>

#include <gtest/gtest.h>
#include <solvers/gram_cases.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <vector>

namespace {
std::atomic<int64_t> allocated{0};
}

void* operator new(std::size_t size) {
  ++allocated;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace polytask {
namespace {

template <class Action>
int64_t allocations_of(Action action) {
  const int64_t before = allocated;
  action();
  return allocated - before;
}

// A call of the largest size comes first; regular, singular, badly scaled and unsolvable matrices follow.
template <class Solve>
void expect_no_allocations(Solve solve) {
  std::vector<Matrix> matrices;
  for (int64_t rows : {40, 40, 12, 40, 3})
    matrices.push_back(gram_of(make_rows({rows, 20, rows > 20 ? 15 : rows, 3.0, 0, rows == 40, true, rows == 12, 7})));
  matrices.push_back(gram_of(make_rows({40, 64, 64, 10.0, 0, false, false, false, 8})));
  solve(matrices.front());
  for (const Matrix& matrix : matrices) EXPECT_EQ(allocations_of([&] { solve(matrix); }), 0) << matrix.rows();
}

TEST(Allocations, MinNormMakesNoneAfterTheFirstCall) {
  MinNormSolver solver;
  std::vector<double> x;
  expect_no_allocations([&](const Matrix& matrix) { solver.solve(matrix, x); });
}

TEST(Allocations, ConflictAverseMakesNoneAfterTheFirstCall) {
  ConflictAverseSolver solver;
  ConflictAverse solution;
  expect_no_allocations([&](const Matrix& matrix) {
    solver.solve(matrix, 0.5 * std::sqrt(matrix(0, 0)), 0, solution);
    solver.solve(matrix, 10 * std::sqrt(matrix(0, 0)), 1e-8, solution);
  });
}

TEST(Allocations, AreCounted) {
  EXPECT_GE(allocations_of([] { std::vector<double> values(std::vector<double>(10, 1.0)); }), 1);
}

TEST(Allocations, OrthantQpMakesNoneAfterTheFirstCall) {
  OrthantQp solver;
  std::vector<double> lower(40, 0.5), v;
  expect_no_allocations([&](const Matrix& matrix) {
    lower.resize(static_cast<size_t>(matrix.rows()), 0.5);
    solver.solve(matrix, lower, v);
    solver.solve_each(matrix, lower, v);
  });
}

TEST(Allocations, PowerNewtonMakesNoneAfterTheFirstCall) {
  PowerNewton solver;
  std::vector<double> w;
  expect_no_allocations([&](const Matrix& matrix) {
    solver.solve(matrix, 1, w);
    solver.solve(matrix, 0.5, w);
  });
}

}  // namespace
}  // namespace polytask
