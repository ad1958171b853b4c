// Reading the text, line by line: one statement a line, as clang writes it.
// Widths of registers are held against the instructions; nothing is executed.
#include "program.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "operations.h"

namespace ptx {
namespace {

[[noreturn]] void Refuse(const std::string& line) {
  throw std::runtime_error("unknown PTX: " + line);
}

std::vector<std::string> Split(const std::string& line, const char* separators) {
  std::vector<std::string> words;
  size_t end = 0;
  for (size_t begin = line.find_first_not_of(separators); begin != std::string::npos;
       begin = line.find_first_not_of(separators, end)) {
    end = std::min(line.find_first_of(separators, begin), line.size());
    words.push_back(line.substr(begin, end - begin));
  }
  return words;
}

size_t WidthOf(const std::string& type) {
  static const std::map<std::string, size_t> widths = {
      {"pred", kPredicate}, {"b32", 4}, {"f32", 4}, {"u32", 4}, {"s32", 4},
      {"b64", 8},           {"f64", 8}, {"u64", 8}, {"s64", 8}};
  const auto found = widths.find(type);
  return found == widths.end() ? 0 : found->second;
}

// One kernel, as its lines come.
class Builder {
 public:
  explicit Builder(Program* program) : program_(*program) {}

  void Add(const std::string& line) {
    const auto words = Split(line, " \t,{}[]();<>");
    if (words.empty()) return;
    const std::string& first = words[0];
    if (first == ".maxntid" && words.size() == 4) {
      program_.max_threads = static_cast<unsigned>(std::stoul(words[1]));
    } else if (first == ".param" && words.size() == 6) {
      symbols_[words[4]] = kParameterBase;
      program_.parameter_bytes = std::stoul(words[5]);
    } else if (first == ".shared" && words.size() == 6) {
      symbols_[words[4]] = kSharedBase + program_.shared_bytes;
      program_.shared_bytes += std::stoul(words[5]);
    } else if (first == ".reg" && words.size() == 4) {
      Declare(words[1], words[2], std::stoi(words[3]));
    } else if (first.back() == ':') {
      labels_[first.substr(0, first.size() - 1)] = static_cast<int>(program_.code.size());
    } else if (first[0] != '.') {
      AddInstruction(line, words);
    } else if (first != ".minnctapersm") {
      Refuse(line);
    }
  }

  void Finish() {
    for (const auto& [index, label] : jumps_) {
      const auto found = labels_.find(label);
      if (found == labels_.end()) Refuse("a jump to " + label);
      program_.code[index].target = found->second;
    }
  }

 private:
  struct Registers {
    int first;
    int count;
    size_t width;
  };
  struct Operand {
    int index;
    size_t width;  // 0: a literal fits everywhere
  };

  void Declare(const std::string& type, const std::string& prefix, int count) {
    registers_[prefix] = {program_.registers, count, WidthOf(type.substr(1))};
    program_.registers += count;
  }

  std::optional<Operand> FindRegister(const std::string& word) const {
    static const std::map<std::string, int> specials = {
        {"%tid.x", kThread}, {"%ctaid.x", kBlockX}, {"%ctaid.y", kBlockY}};
    if (const auto special = specials.find(word); special != specials.end()) {
      return Operand{special->second, 4};
    }
    const size_t digits = word.find_first_of("0123456789");
    const auto found = registers_.find(word.substr(0, digits));
    if (digits == std::string::npos || found == registers_.end()) return std::nullopt;
    const int number = std::stoi(word.substr(digits));
    if (number >= found->second.count) return std::nullopt;
    return Operand{found->second.first + number, found->second.width};
  }

  Operand Constant(uint64_t value, size_t width) {
    program_.constants[program_.registers] = value;
    return {program_.registers++, width};
  }

  Operand Find(const std::string& word) {
    if (const auto found = FindRegister(word)) return *found;
    const auto known = literals_.find(word);
    return known != literals_.end() ? known->second : literals_[word] = FindLiteral(word);
  }

  Operand FindLiteral(const std::string& word) {
    if (const auto symbol = symbols_.find(word); symbol != symbols_.end()) {
      return Constant(symbol->second, 8);
    }
    const std::string kind = word.substr(0, 2);
    if (kind == "0f" && word.size() == 10)
      return Constant(std::stoull(word.substr(2), nullptr, 16), 4);
    if (kind == "0d" && word.size() == 18)
      return Constant(std::stoull(word.substr(2), nullptr, 16), 8);
    if (word.find_first_not_of("-0123456789") != std::string::npos) Refuse(word);
    return Constant(static_cast<uint64_t>(std::stoll(word)), 0);
  }

  int Source(const std::string& word, size_t width) {
    const Operand operand = Find(word);
    if (operand.width != width && operand.width != 0) Refuse(word + " has another width");
    return operand.index;
  }

  int Target(const std::string& word, size_t width) const {
    const auto found = FindRegister(word);
    if (!found || found->index < kSpecials || found->width != width) Refuse(word + " as a target");
    return found->index;
  }

  void AddInstruction(const std::string& line, const std::vector<std::string>& words) {
    Instruction in;
    in.text = line;
    if (words[0][0] == '@' || words[0] == "bra" || words[0] == "bra.uni") {
      AddBranch(words, &in);
    } else if (words[0] == "ret" && words.size() == 1) {
      in.kind = Kind::kReturn;
    } else if (words[0] == "bar.sync" && words.size() == 2 && words[1] == "0") {
      in.kind = Kind::kBarrier;
      program_.has_barrier = true;
    } else if (words[0].rfind("ld.", 0) == 0 || words[0].rfind("st.", 0) == 0) {
      AddAccess(words, &in);
    } else {
      AddCompute(words, &in);
    }
    program_.code.push_back(in);
  }

  // Nothing but branches is conditional.
  void AddBranch(const std::vector<std::string>& words, Instruction* in) {
    in->kind = Kind::kBranch;
    const bool is_conditional = words[0][0] == '@';
    if (words.size() != (is_conditional ? 3 : 2)) Refuse(in->text);
    if (is_conditional) {
      if (words[1] != "bra") Refuse(in->text);
      in->is_negated = words[0][1] == '!';
      in->from[0] = Source(words[0].substr(in->is_negated ? 2 : 1), kPredicate);
      in->from_count = 1;
    }
    jumps_.emplace_back(program_.code.size(), words.back());
  }

  void AddCompute(const std::vector<std::string>& words, Instruction* in) {
    const Operation* const operation = FindOperation(words[0]);
    if (operation == nullptr) Refuse(in->text);
    if (words.size() != static_cast<size_t>(operation->from_count) + 2) Refuse(in->text);
    in->compute = operation->compute;
    in->to[0] = Target(words[1], operation->to_bytes);
    in->to_count = 1;
    in->from_count = operation->from_count;
    for (size_t i = 0; i + 2 < words.size(); ++i) {
      in->from[i] = Source(words[i + 2], operation->from_bytes[i]);
    }
  }

  // ld or st, space, perhaps a hint for the cache, perhaps a number of elements, type.
  void AddAccess(const std::vector<std::string>& words, Instruction* in) {
    static const std::map<std::string, Space> spaces = {
        {"param", Space::kParameters}, {"global", Space::kGlobal}, {"shared", Space::kShared}};
    auto parts = Split(words[0], ".");
    in->kind = parts[0] == "ld" ? Kind::kLoad : Kind::kStore;
    const auto space = spaces.find(parts[1]);
    if (space == spaces.end()) Refuse(in->text);
    in->space = space->second;
    const std::string type = parts.back();
    in->width = WidthOf(type);
    in->is_signed = type[0] == 's';
    parts.erase(std::remove(parts.begin(), parts.end(), "cs"), parts.end());
    const bool is_vector = parts.size() == 4 && (parts[2] == "v2" || parts[2] == "v4");
    const int elements = is_vector ? parts[2][1] - '0' : 1;
    if (parts.size() != (is_vector ? 4 : 3) || in->width < 4 ||
        words.size() != static_cast<size_t>(elements) + 2) {
      Refuse(in->text);
    }
    const bool loads = in->kind == Kind::kLoad;
    for (int i = 0; i < elements; ++i) {
      const std::string& word = words[static_cast<size_t>(loads ? 1 + i : 2 + i)];
      if (loads) {
        in->to[i] = ElementTarget(word, *in);
      } else {
        in->from[i] = Source(word, in->width);
      }
    }
    (loads ? in->to_count : in->from_count) = elements;
    const auto place = Split(loads ? words.back() : words[1], "+");
    in->from[in->from_count++] = Source(place[0], 8);
    in->offset = place.size() > 1 ? std::stoll(place[1]) : 0;
  }

  // A load may widen.
  int ElementTarget(const std::string& word, const Instruction& in) const {
    const auto found = FindRegister(word);
    return Target(word, found && found->width > in.width ? 8 : in.width);
  }

  Program& program_;
  std::map<std::string, Registers> registers_;
  std::map<std::string, uint64_t> symbols_;
  std::map<std::string, Operand> literals_;
  std::map<std::string, int> labels_;
  std::vector<std::pair<size_t, std::string>> jumps_;
};

}  // namespace

std::map<std::string, Program> Parse(const std::string& text) {
  constexpr const char* kHead[] = {".version 6.0", ".target sm_50", ".address_size 64"};
  constexpr const char* kEntry = ".visible .entry ";
  std::istringstream lines(text);
  std::string line;
  for (const char* const head : kHead) {
    if (!std::getline(lines, line) || line != head) Refuse(line);
  }
  std::map<std::string, Program> programs;
  while (std::getline(lines, line)) {
    if (line.rfind(kEntry, 0) != 0) Refuse(line);
    Program program;
    program.name = Split(line, " (")[2];
    Builder builder(&program);
    while (line != "}" && std::getline(lines, line)) builder.Add(line);
    if (line != "}") Refuse("the end of " + program.name + " is missing");
    builder.Finish();
    programs[program.name] = std::move(program);
  }
  return programs;
}

}  // namespace ptx
