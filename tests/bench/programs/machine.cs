// A big state machine: splits program text into tokens.
static class Machine
{
    enum State { Start, Word, Number, Fraction, Text, Escape, Slash, LineComment, BlockComment, Star, Sign }

    static readonly string text = Make();

    static string Make()
    {
        string[] lines = {
            "int total = 0; // sum of everything\n",
            "for (int i = 0; i <= limit_2; i += 10) { total = total * 3.25 + call(\"a \\\"quoted\\\" text\", i); }\n",
            "/* a comment ** that goes\n on */ return total / 2 - x1;\n",
        };
        string all = "";
        for (int i = 0; i < 300; i++) all += lines[i % lines.Length];
        return all;
    }

    static bool Letter(char c) { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'; }
    static bool Digit(char c) { return c >= '0' && c <= '9'; }

    static long Scan(string input)
    {
        int[] counts = new int[11];
        State state = State.Start;
        int at = 0;
        while (at < input.Length)
        {
            char c = input[at];
            switch (state)
            {
                case State.Start:
                    if (Letter(c)) state = State.Word;
                    else if (Digit(c)) state = State.Number;
                    else if (c == '"') state = State.Text;
                    else if (c == '/') state = State.Slash;
                    else if (c != ' ' && c != '\n') state = State.Sign;
                    if (state != State.Start) counts[(int)state]++;
                    break;
                case State.Word:
                    if (!Letter(c) && !Digit(c)) { state = State.Start; continue; }
                    break;
                case State.Number:
                    if (c == '.') { state = State.Fraction; counts[(int)state]++; }
                    else if (!Digit(c)) { state = State.Start; continue; }
                    break;
                case State.Fraction:
                    if (!Digit(c)) { state = State.Start; continue; }
                    break;
                case State.Text:
                    if (c == '\\') state = State.Escape;
                    else if (c == '"') state = State.Start;
                    break;
                case State.Escape:
                    state = State.Text;
                    counts[(int)State.Escape]++;
                    break;
                case State.Slash:
                    if (c == '/') state = State.LineComment;
                    else if (c == '*') state = State.BlockComment;
                    else { state = State.Start; continue; }
                    counts[(int)state]++;
                    break;
                case State.LineComment:
                    if (c == '\n') state = State.Start;
                    break;
                case State.BlockComment:
                    if (c == '*') state = State.Star;
                    break;
                case State.Star:
                    if (c == '/') state = State.Start;
                    else if (c != '*') state = State.BlockComment;
                    break;
                case State.Sign:
                    state = State.Start;
                    continue;
            }
            at++;
        }
        long sum = 0;
        foreach (int count in counts) sum = sum * 37 + count;
        return sum;
    }

    static long Work()
    {
        long sum = 0;
        for (int i = 0; i < 50; i++) sum += Scan(text);
        return sum;
    }

    static int Main() { return Bench.Run("machine", Work); }
}
