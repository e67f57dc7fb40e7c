#include <polytask/cli/cli.h>

int main(int argc, char** argv) { return polytask::run_program(argc, argv); }
