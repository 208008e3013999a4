// Strings: concatenation, parts, comparison, search.
using System;

static class Strings
{
    const string Text = "the quick brown fox jumps over the lazy dog while seven wise men look on in silent wonder";

    static long Work()
    {
        long sum = 0;
        for (int round = 0; round < 1500; round++)
        {
            string[] words = Text.Split(' ');
            string joined = "";
            for (int i = words.Length - 1; i >= 0; i--)
            {
                string word = words[i];
                joined = joined + word.Substring(0, 1).ToUpperInvariant() + word.Substring(1) + " ";
                if (word == "fox" || string.CompareOrdinal(word, "men") > 0) sum += i;
            }
            sum += joined.IndexOf("Lazy", StringComparison.Ordinal) + joined.IndexOf('x') + joined.LastIndexOf('e');
            sum += joined.Replace("The", "A").Trim().Length;
            sum += string.Join("-", words).Length;
            if (joined.StartsWith("Wonder", StringComparison.Ordinal) && joined.Contains("Dog")) sum++;
            for (int i = 0; i < joined.Length; i++) sum += joined[i] * (i & 3);
        }
        return sum;
    }

    static int Main() { return Bench.Run("strings", Work); }
}
