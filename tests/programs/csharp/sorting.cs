//! flags: -optimize+
using System;

class Sorting
{
    static uint state;
    static int Random(int n)
    {
        state = state * 1664525 + 1013904223;
        return (int)(state >> 8) % n;
    }

    static int[] Make(int n)
    {
        state = 42;
        var a = new int[n];
        for (int i = 0; i < n; i++)
            a[i] = Random(1000) - 500;
        return a;
    }

    static void Bubble(int[] a)
    {
        bool swapped;
        do
        {
            swapped = false;
            for (int i = 1; i < a.Length; i++)
                if (a[i - 1] > a[i])
                {
                    int t = a[i - 1];
                    a[i - 1] = a[i];
                    a[i] = t;
                    swapped = true;
                }
        } while (swapped);
    }

    static void Insertion(int[] a)
    {
        for (int i = 1; i < a.Length; i++)
        {
            int x = a[i], j = i - 1;
            for (; j >= 0 && a[j] > x; j--)
                a[j + 1] = a[j];
            a[j + 1] = x;
        }
    }

    static void Shell(int[] a)
    {
        for (int gap = a.Length / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
            for (int i = gap; i < a.Length; i++)
            {
                int x = a[i], j = i;
                while (j >= gap && a[j - gap] > x) { a[j] = a[j - gap]; j -= gap; }
                a[j] = x;
            }
    }

    static void Quick(int[] a, int low, int high)
    {
        while (low < high)
        {
            int i = low, j = high, pivot = a[low + (high - low) / 2];
            while (i <= j)
            {
                while (a[i] < pivot) i++;
                while (a[j] > pivot) j--;
                if (i <= j) { int t = a[i]; a[i++] = a[j]; a[j--] = t; }
            }
            if (j - low < high - i) { Quick(a, low, j); low = i; }
            else { Quick(a, i, high); high = j; }
        }
    }

    static void Heap(int[] a)
    {
        for (int i = a.Length / 2 - 1; i >= 0; i--) Sift(a, i, a.Length);
        for (int end = a.Length - 1; end > 0; end--)
        {
            int t = a[0];
            a[0] = a[end];
            a[end] = t;
            Sift(a, 0, end);
        }
    }

    static void Sift(int[] a, int root, int end)
    {
        int x = a[root];
        for (int child; (child = 2 * root + 1) < end; root = child)
        {
            if (child + 1 < end && a[child + 1] > a[child]) child++;
            if (a[child] <= x) break;
            a[root] = a[child];
        }
        a[root] = x;
    }

    static T[] Merge<T>(T[] a, Comparison<T> compare)
    {
        if (a.Length < 2) return a;
        var left = new T[a.Length / 2];
        var right = new T[a.Length - left.Length];
        Array.Copy(a, left, left.Length);
        Array.Copy(a, left.Length, right, 0, right.Length);
        left = Merge(left, compare);
        right = Merge(right, compare);
        var result = new T[a.Length];
        for (int i = 0, l = 0, r = 0; i < result.Length; i++)
            result[i] = r == right.Length || l < left.Length && compare(left[l], right[r]) <= 0 ? left[l++] : right[r++];
        return result;
    }

    static void Radix(uint[] a)
    {
        var b = new uint[a.Length];
        for (int shift = 0; shift < 32; shift += 8)
        {
            var count = new int[257];
            foreach (uint x in a) count[(x >> shift & 255) + 1]++;
            for (int i = 0; i < 256; i++) count[i + 1] += count[i];
            foreach (uint x in a) b[count[x >> shift & 255]++] = x;
            uint[] t = a; a = b; b = t;
        }
    }

    static void Check(string name, int[] a)
    {
        long hash = 0;
        bool sorted = true;
        for (int i = 0; i < a.Length; i++)
        {
            hash = hash * 31 + a[i];
            if (i > 0 && a[i - 1] > a[i]) sorted = false;
        }
        Console.WriteLine(name + " " + sorted + " " + hash);
    }

    struct Item { public string Key; public int Index; }

    static void Main()
    {
        foreach (int n in new int[] { 0, 1, 2, 10, 300 })
        {
            int[] a = Make(n); Bubble(a); Check("bubble", a);
            a = Make(n); Insertion(a); Check("insertion", a);
            a = Make(n); Shell(a); Check("shell", a);
            a = Make(n); Quick(a, 0, n - 1); Check("quick", a);
            a = Make(n); Heap(a); Check("heap", a);
            Check("merge", Merge(Make(n), (x, y) => x - y));
        }
        int[] large = Make(20000);
        Quick(large, 0, large.Length - 1);
        Check("quick", large);
        var items = new Item[50];
        for (int i = 0; i < 50; i++) items[i] = new Item { Key = "k" + Random(5), Index = i };
        items = Merge(items, (x, y) => string.CompareOrdinal(x.Key, y.Key));
        foreach (Item i in items) Console.WriteLine(i.Key + " " + i.Index);
        uint[] unsigned = new uint[1000];
        for (int i = 0; i < 1000; i++) unsigned[i] = (uint)Random(1 << 24) * 997u;
        Radix(unsigned);
        bool ok = true;
        for (int i = 1; i < 1000; i++) ok &= unsigned[i - 1] <= unsigned[i];
        Console.WriteLine(ok + " " + unsigned[0] + " " + unsigned[999]);
    }
}
