// Text: words cut from characters, counted in a dictionary, sorted.
using System;
using System.Collections.Generic;

static class WordCount
{
    static readonly string text = Make();

    static string Make()
    {
        string[] syllables = { "ka", "ro", "mi", "ten", "su", "lo", "ba", "ri" };
        Dice dice = new Dice(91);
        char[] made = new char[150000];
        int at = 0;
        while (at < made.Length - 20)
        {
            for (int n = 1 + dice.Below(3); n > 0; n--)
                foreach (char c in syllables[dice.Below(syllables.Length)]) made[at++] = dice.Below(20) == 0 ? char.ToUpperInvariant(c) : c;
            made[at++] = dice.Below(9) == 0 ? ',' : ' ';
        }
        while (at < made.Length) made[at++] = ' ';
        return new string(made);
    }

    static long Work()
    {
        Dictionary<string, int> counts = new Dictionary<string, int>();
        int start = -1;
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsLetter(text[i]))
            {
                if (start < 0) start = i;
            }
            else if (start >= 0)
            {
                string word = text.Substring(start, i - start).ToLowerInvariant();
                int n;
                counts[word] = counts.TryGetValue(word, out n) ? n + 1 : 1;
                start = -1;
            }
        }
        List<string> words = new List<string>(counts.Keys);
        words.Sort((a, b) => counts[a] != counts[b] ? counts[b] - counts[a] : string.CompareOrdinal(a, b));
        long sum = 0;
        foreach (string word in words) sum = sum * 31 + counts[word] * word[0] + word.Length;
        return sum;
    }

    static int Main() { return Bench.Run("wordcount", Work); }
}
