// Uses an installed polytask as a stranger's project would: lists what is registered, adds a method of its own, draws
// from a named stream, and balances two losses through libtorch's autograd. Exits 1 where a result is not as expected.
#include <polytask/balancing/balancer.h>
#include <polytask/core/random.h>
#include <polytask/core/threads.h>
#include <polytask/version.h>

#include <torch/torch.h>

#include <cmath>
#include <cstdlib>
#include <iostream>

namespace polytask {
void register_lagging(BalancerRegistry& registry);  // lagging.cpp
}

namespace {

void expect(bool truth, const char* what) {
  if (truth) return;
  std::cerr << "consumer: " << what << " is not as expected\n";
  std::exit(1);
}

// The first task's loss halves and the second's stays: rates ½ and 1, weights ⅔ and 1⅓.
void balance_two_losses() {
  using polytask::LossState;
  using polytask::Node;
  const auto balancer = polytask::balancers().create(Node::map_of({{"method", Node::scalar_of("lagging")}}));
  balancer->method().setup({{"square", "regression", 1}, {"line", "regression", 1}});
  const auto x = torch::tensor(2.0, torch::requires_grad());
  balancer->backward({{x * x, 3 * x}, {}}, LossState::of({4, 6}));
  expect(std::abs(x.grad().item<double>() - (1 * 4 + 1 * 3)) < 1e-5, "the gradient of the first step");
  x.mutable_grad().zero_();
  const auto weights = balancer->backward({{x * x, 3 * x}, {}}, LossState::of({2, 6}));
  expect(std::abs(weights.w[0] - 2.0 / 3) < 1e-12, "the first weight of the second step");
  expect(std::abs(x.grad().item<double>() - (2.0 / 3 * 4 + 4.0 / 3 * 3)) < 1e-5, "the gradient of the second step");
}

}  // namespace

int main() {
  polytask::register_lagging(polytask::balancers());
  for (const auto& name : polytask::balancers().names()) std::cout << name << ' ';
  std::cout << '\n';
  expect(polytask::balancers().contains("uncertainty"), "the list of balancing methods");
  polytask::Random one(1, "consumer"), same(1, "consumer"), other(2, "consumer");
  const auto drawn = one.bits();
  expect(drawn == same.bits() && drawn != other.bits(), "a named random stream");
  polytask::set_threads(0);  // Debian's libtorch starts with one thread
  expect(torch::get_num_threads() == polytask::usable_cores(), "the number of threads");
  balance_two_losses();
  std::cout << "consumer: polytask " POLYTASK_VERSION ", " << torch::get_num_threads() << " threads\n";
  return 0;
}
